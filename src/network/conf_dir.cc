#include "network/conf_dir.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"

namespace crisp {
namespace {

void LogChange(const std::string& dir, const CniConfigs& before, const CniConfigs& now) {
  if (now.faults != before.faults) {
    for (const std::string& fault : now.faults)
      LogWarning("CNI configuration skipped", {{"dir", dir}, {"fault", fault}});
  }
  const auto names = [](const CniConfigs& configs) {
    return absl::StrJoin(configs.networks, ",",
                         [](std::string* out, const CniConfigList& config) { absl::StrAppend(out, config.file); });
  };
  if (names(now) != names(before)) LogInfo("CNI networks", {{"dir", dir}, {"files", names(now)}});
}

}  // namespace

// Reads the directory again if it may have changed, or if there are none.
CniConfigs ConfDir::Current() {
  MutexLock lock(mutex_);
  if (watch_.Changed() || configs_.networks.empty()) {
    CniConfigs loaded = LoadCniConfigs(options_.path, options_.max_conf_num);
    LogChange(options_.path, configs_, loaded);
    configs_ = std::move(loaded);
  }
  return configs_;
}

absl::StatusOr<CniConfigs> ConfDir::CurrentOrError() {
  CniConfigs configs = Current();
  if (!configs.networks.empty()) return configs;
  if (configs.faults.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("no CNI configuration in ", options_.path,
                                                      ": put a .conflist there, or install your network add-on"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("no valid CNI configuration in ", options_.path, ": ", absl::StrJoin(configs.faults, "; ")));
}

}  // namespace crisp
