#include "network/plugin_status.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/thread.h"

namespace crisp {
namespace {

std::vector<CniConfigList> WithStatus(const std::vector<CniConfigList>& networks) {
  std::vector<CniConfigList> asked;
  for (const CniConfigList& network : networks) {
    if (network.HasStatus()) asked.push_back(network);
  }
  return asked;
}

std::string TextOf(const std::vector<CniConfigList>& networks) {
  std::string text;
  for (const CniConfigList& network : networks) absl::StrAppend(&text, network.file, DumpJson(network.ToJson()));
  return text;
}

}  // namespace

PluginStatus::PluginStatus(CniPlugins plugins, Limits limits) : plugins_(std::move(plugins)), limits_(limits) {}

PluginStatus::~PluginStatus() {
  ending_ = true;
  std::thread last;
  {
    const MutexLock lock(mutex_);
    last = std::move(thread_);
  }
  if (last.joinable()) last.join();
}

absl::Status PluginStatus::Of(const std::vector<CniConfigList>& networks) {
  std::vector<CniConfigList> asked = WithStatus(networks);
  if (asked.empty()) return absl::OkStatus();
  const std::string about = TextOf(asked);
  const MonoTime until = MonoClock::now() + limits_.patience;
  const MutexLock lock(mutex_);
  if (!running_) Begin(std::move(asked), about);
  while (running_ && changed_.WaitUntil(mutex_, until)) {
  }
  if (about_ != about) return absl::FailedPreconditionError("the CNI plugins have not answered STATUS yet");
  return answer_;
}

void PluginStatus::Begin(std::vector<CniConfigList> networks, std::string about) {
  if (thread_.joinable()) thread_.join();  // it has ended
  auto thread = StartThread("STATUS of the CNI plugins",
                            [this, networks = std::move(networks), about = std::move(about)] { Run(networks, about); });
  if (!thread.ok()) return;  // the previous answer counts
  thread_ = *std::move(thread);
  running_ = true;
}

void PluginStatus::Run(const std::vector<CniConfigList>& networks, const std::string& about) {
  absl::Status answer = Ask(networks);
  const MutexLock lock(mutex_);
  answer_ = std::move(answer);
  about_ = about;
  running_ = false;
  changed_.NotifyAll();
}

absl::Status PluginStatus::Ask(const std::vector<CniConfigList>& networks) const {
  const CallContext call = CallContext::WithTimeout(limits_.deadline).CancelledBy([this] { return ending_.load(); });
  for (const CniConfigList& network : networks) {
    const absl::Status answer = AskNetwork(network, plugins_, call);
    if (!answer.ok()) return absl::FailedPreconditionError(answer.message());
  }
  return absl::OkStatus();
}

}  // namespace crisp
