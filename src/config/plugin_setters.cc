// The setters of what names plugins of containerd, or programs that it runs.
#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "config/setters.h"

namespace crisp {
namespace {

constexpr std::array kCriPlugins = {"cri", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime",
                                    "io.containerd.cri.v1.images"};

bool IsCriPlugin(const std::string& name) {
  return std::find(kCriPlugins.begin(), kCriPlugins.end(), name) != kCriPlugins.end();
}

}  // namespace

// containerd 2.x has moved sched_core there.
absl::Status CheckShimEnvironment(const Setting& setting, Draft*) {
  for (const std::string& variable : setting.value.list) {
    if (absl::StartsWith(variable, "SCHED_CORE=")) {
      return absl::InvalidArgumentError(absl::StrCat("SCHED_CORE is refused: ", kNoCoreScheduling));
    }
  }
  return absl::OkStatus();
}

// Also at its default: an administrator puts a program there, and changes no key.
absl::Status CheckNoVerifiers(const Setting& setting, Draft*) {
  std::error_code error;
  const std::filesystem::directory_iterator entries(setting.value.text, error);
  if (error || entries == std::filesystem::directory_iterator()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(setting.value.shown,
                   " has image verifiers, which crisp does not ask, so that it would pull what "
                   "they forbid; keep containerd, or empty the directory"));
}

absl::Status CheckDisabledPlugins(const Setting& setting, Draft*) {
  for (const std::string& plugin : setting.value.list) {
    if (IsCriPlugin(plugin)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", plugin, "\" cannot be disabled: crisp is nothing else; remove it from the list"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRequiredPlugins(const Setting& setting, Draft*) {
  for (const std::string& plugin : setting.value.list) {
    if (!IsCriPlugin(plugin)) {
      return absl::InvalidArgumentError(absl::StrCat("crisp has no plugins, so \"", plugin,
                                                     "\" cannot be had; remove it from the list, or keep containerd"));
    }
  }
  return absl::OkStatus();
}

}  // namespace crisp
