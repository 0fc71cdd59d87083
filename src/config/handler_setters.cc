// The setters of cri.containerd.runtimes.NAME.
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "config/setters.h"

namespace crisp {
namespace {

constexpr char kRuncType[] = "io.containerd.runc.v2";

absl::string_view BaseName(absl::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// Whether a runtime_type or runtime_path means containerd's own shim, in whose place crisp has its own.
bool IsRuncShim(absl::string_view name) {
  return name.empty() || name == kRuncType || BaseName(name) == "containerd-shim-runc-v2";
}

// Takes note that no pod can run on the handler because of this key, or that this key is no reason. The daemon runs
// without the handler: its other pods have nothing to do with it.
void Judge(const Setting& setting, const char* key, const std::string& fault, Draft* draft) {
  const std::string& handler = setting.names[0];
  draft->faults[handler].erase(key);
  if (fault.empty()) return;
  const std::string whole = absl::StrCat(key, " = ", setting.value.shown, " is ", fault);
  draft->faults[handler][key] = whole;
  setting.warn(absl::StrCat(setting.value.shown, " is ", fault, "; pods that ask for the runtime \"", handler,
                            "\" are refused"));
}

std::string FaultOfShim(const std::string& name) {
  if (IsRuncShim(name)) return "";
  if (name == "io.containerd.runc.v1" || name == "io.containerd.runtime.v1.linux") {
    return absl::StrCat("an interface of old; use runtime_type = \"", kRuncType, "\"");
  }
  return absl::StrCat("a shim that crisp cannot drive. For a program with runc's command line use runtime_type = \"",
                      kRuncType, "\" and options.BinaryName");
}

}  // namespace

absl::Status AddHandler(const Setting& setting, Draft* draft) {
  draft->config.runtimes.try_emplace(setting.names[0]);
  // The options are those of the shim, and may come before its type.
  if (const toml::node* type = setting.value.table->get("runtime_type"); type != nullptr) {
    if (IsRuncShim(type->value_or(std::string()))) {
      draft->foreign_handlers.erase(setting.names[0]);
    } else {
      draft->foreign_handlers.insert(setting.names[0]);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRuntimeType(const Setting& setting, Draft* draft) {
  Judge(setting, "runtime_type", FaultOfShim(setting.value.text), draft);
  return absl::OkStatus();
}

absl::Status CheckRuntimePath(const Setting& setting, Draft* draft) {
  Judge(setting, "runtime_path", FaultOfShim(setting.value.text), draft);
  return absl::OkStatus();
}

absl::Status CheckHandlerSnapshotter(const Setting& setting, Draft* draft) {
  const std::string& name = setting.value.text;
  const bool known = name.empty() || name == "overlayfs";
  Judge(setting, "snapshotter", known ? "" : "no snapshotter of crisp, which has \"overlayfs\" only", draft);
  return absl::OkStatus();
}

absl::Status CheckSandboxer(const Setting& setting, Draft* draft) {
  const std::string& name = setting.value.text;
  const bool known = name.empty() || name == "podsandbox";
  Judge(setting, "sandboxer", known ? "" : "a way to make pods that crisp does not have; use \"podsandbox\"", draft);
  return absl::OkStatus();
}

absl::Status SetBaseSpec(const Setting& setting, Draft* draft) {
  RETURN_IF_ERROR(CheckPath(setting.value.text));
  return SetHandler<&RuntimeHandlerConfig::base_runtime_spec>(setting, draft);
}

absl::Status SetHandlerConfDir(const Setting& setting, Draft* draft) {
  RETURN_IF_ERROR(CheckPath(setting.value.text));
  return SetHandler<&RuntimeHandlerConfig::cni_conf_dir>(setting, draft);
}

absl::Status SetHandlerMaxConfNum(const Setting& setting, Draft* draft) {
  RETURN_IF_ERROR(CheckNotNegative(setting.value.number));
  return SetHandler<&RuntimeHandlerConfig::cni_max_conf_num>(setting, draft);
}

absl::Status SetBinaryName(const Setting& setting, Draft* draft) {
  const std::string& name = setting.value.text;
  if (absl::StrContains(name, "/") && name[0] != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a name to look for in PATH, or an absolute path, found ", setting.value.shown));
  }
  return SetHandler<&RuntimeHandlerConfig::binary_name>(setting, draft);
}

absl::Status SetRuntimeRoot(const Setting& setting, Draft* draft) {
  RETURN_IF_ERROR(CheckPath(setting.value.text));
  return SetHandler<&RuntimeHandlerConfig::root>(setting, draft);
}

}  // namespace crisp
