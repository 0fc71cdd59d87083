#include "sandbox/pod_streams.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/loopback.h"
#include "runtime/shim_stream.h"
#include "sandbox/client_status.h"
#include "sandbox/container.h"
#include "sandbox/container_exec.h"
#include "sandbox/pod.h"

namespace crisp {
namespace {

class ShimSession : public StreamSession {
 public:
  explicit ShimSession(std::unique_ptr<ShimStream> stream) : stream_(std::move(stream)) {}

  StreamDescriptors TakeDescriptors() override {
    ShimStream::Descriptors ends = stream_->TakeDescriptors();
    return {std::move(ends.input), std::move(ends.output), std::move(ends.error_output)};
  }
  void Resize(uint16_t columns, uint16_t rows) override { stream_->Resize(columns, rows); }
  void OnExit(std::function<void(absl::StatusOr<int>)> ended) override { stream_->OnExit(std::move(ended)); }

 private:
  const std::unique_ptr<ShimStream> stream_;
};

// Unavailable means that the shim has died, and its container with it.
absl::StatusOr<std::unique_ptr<StreamSession>> ToSession(absl::StatusOr<std::unique_ptr<ShimStream>> stream,
                                                         const Container& container, absl::string_view what) {
  if (absl::IsUnavailable(stream.status())) return NotRunning(container);
  RETURN_IF_ERROR(stream, what, " container ", container.id());
  return std::make_unique<ShimSession>(*std::move(stream));
}

}  // namespace

absl::StatusOr<std::unique_ptr<StreamSession>> PodStreams::OpenExec(const StreamRequest& request,
                                                                    const CallContext& call) {
  ASSIGN_OR_RETURN(const ContainerExec::Running running, exec_->Find(request.container_id));
  const Container& container = *running.found.container;
  ExecStreamRequest exec;
  exec.container_id = container.id();
  exec.streams = request.streams;
  auto opened = exec_->Launch(running, request.command, request.streams.terminal, std::move(exec),
                              [&](const ExecStreamRequest& one) { return running.shim->OpenExec(one, call); });
  return ToSession(std::move(opened), container, "exec in");
}

absl::StatusOr<std::unique_ptr<StreamSession>> PodStreams::OpenAttach(const StreamRequest& request,
                                                                      const CallContext& call) {
  ASSIGN_OR_RETURN(const ContainerExec::Running running, exec_->Find(request.container_id));
  const Container& container = *running.found.container;
  if (request.streams.input && !container.record().config().stdin()) {
    return absl::FailedPreconditionError(
        absl::StrCat("container ", container.id(), " was created without stdin; attach to its output only"));
  }
  return ToSession(running.shim->Attach({container.id(), request.streams}, call), container, "attach to");
}

absl::StatusOr<LoopbackDial> PodStreams::Dial(const std::string& pod_id, uint16_t port) {
  ASSIGN_OR_RETURN(const PodPtr pod, table_->FindPod(pod_id));
  if (!pod->ready()) return PodNotReady(pod->id());
  absl::StatusOr<LoopbackDial> dial = LoopbackDial::Begin(pod->record().netns_path(), port);
  RETURN_IF_ERROR(dial, "pod ", pod->id());
  return dial;
}

}  // namespace crisp
