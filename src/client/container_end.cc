#include "client/container_end.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/status_macros.h"
#include "client/containers.h"

namespace crisp::client {
namespace {

constexpr int kAskEvery = 200;   // ms, where nothing tells the end
constexpr int kAskAfterEnd = 5;  // ms, until the runtime has heard of it

}  // namespace

ContainerEnd::ContainerEnd(RuntimeClient* runtime, std::string id) : runtime_(runtime), id_(std::move(id)) {
  const auto status = StatusOf(runtime_, id_, true);
  if (!status.ok() || status->status().state() != cri::CONTAINER_RUNNING) return;
  const nlohmann::ordered_json info = InfoOf(status->info());
  if (!info.is_object() || !info.contains("pid") || !info["pid"].is_number_integer()) return;
  pidfd_.reset(static_cast<int>(syscall(SYS_pidfd_open, info["pid"].get<pid_t>(), 0)));
}

bool ContainerEnd::Reached() {
  const auto status = StatusOf(runtime_, id_, false);
  if (!status.ok()) return absl::IsNotFound(status.status());
  return status->status().state() == cri::CONTAINER_EXITED || status->status().state() == cri::CONTAINER_UNKNOWN;
}

absl::StatusOr<int> ContainerEnd::Wait() {
  while (!Reached()) {
    pollfd wait = {pidfd_.get(), POLLIN, 0};
    const int ready = poll(&wait, 1, pidfd_.valid() ? 1000 : kAskEvery);
    if (ready > 0) poll(nullptr, 0, kAskAfterEnd);
  }
  ASSIGN_OR_RETURN(const auto status, StatusOf(runtime_, id_, false));
  return status.status().exit_code();
}

}  // namespace crisp::client
