#include "network/plugin_status.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

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
}

absl::Status PluginStatus::Of(const std::vector<CniConfigList>& networks) {
  std::vector<CniConfigList> asked = WithStatus(networks);
  if (asked.empty()) return absl::OkStatus();
  const std::string about = TextOf(asked);
  run_.RunUntil(MonoClock::now() + limits_.patience, [this, asked = std::move(asked), about] {
    absl::Status answer = Ask(asked);
    const MutexLock lock(mutex_);
    answer_ = std::move(answer);
    about_ = about;
  });
  const MutexLock lock(mutex_);
  if (about_ != about) return absl::FailedPreconditionError("the CNI plugins have not answered STATUS yet");
  return answer_;
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
