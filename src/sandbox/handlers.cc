#include "sandbox/handlers.h"

#include <unistd.h>

#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/log.h"
#include "os/user_namespace.h"
#include "runtime/host_facts.h"
#include "runtime/known_holes.h"

namespace crisp {
namespace {

// Pods that need no feature run without an answer.
RuntimeFeatures FeaturesOf(const std::string& name, const OciRuntime& runtime) {
  if (access(runtime.binary.c_str(), X_OK) != 0) return {};
  auto features = AskRuntimeFeatures(runtime.binary, CallContext());
  if (!features.ok()) {
    LogWarning("an OCI runtime did not report its features; crisp assumes none",
               {{"runtime", name}, {"error", features.status().message()}});
    return {};
  }
  if (const std::string holes = HolesOfRunc(features->runc_version); !holes.empty()) {
    LogWarning(
        "this version of the OCI runtime has known container escapes; update it, or check that your distribution has "
        "patched it",
        {{"runtime", name}, {"version", features->runc_version}, {"holes", holes}});
  }
  return *std::move(features);
}

// Asks in parallel, since each answer costs a process. Without threads the answers come one after the other.
std::map<std::string, RuntimeFeatures> AskAll(const std::map<std::string, OciRuntime>& runtimes) {
  std::map<std::string, std::future<RuntimeFeatures>> answers;
  for (const auto& [name, runtime] : runtimes) {
    answers[name] = std::async(std::launch::async | std::launch::deferred, FeaturesOf, name, runtime);
  }
  std::map<std::string, RuntimeFeatures> features;
  for (auto& [name, answer] : answers) features[name] = answer.get();
  return features;
}

// The kernel and the file system of the layers must support it too. Overlayfs takes idmapped layers since Linux 5.19.
absl::Status CheckIdmappedLayers(const Layout& layout, const HostFacts& host) {
  if (std::pair(host.kernel_major, host.kernel_minor) < std::pair(5, 19)) {
    return absl::FailedPreconditionError("the kernel is older than 5.19 and cannot idmap the layers of an overlay");
  }
  return CheckIdmapping(layout.Layers());
}

void ClearUserNamespacesUnlessPossible(const Layout& layout, const HostFacts& host,
                                       std::map<std::string, RuntimeFeatures>* features) {
  bool any = false;
  for (auto& [name, one] : *features) {
    one.user_namespace = one.user_namespace && one.idmapped_mounts;
    any = any || one.user_namespace;
  }
  if (!any) return;
  const absl::Status able = CheckIdmappedLayers(layout, host);
  if (able.ok()) return;
  LogInfo("pods cannot have user namespaces on this node", {{"error", able.message()}});
  for (auto& [name, one] : *features) one.user_namespace = false;
}

}  // namespace

RuntimeHandlers::RuntimeHandlers(Runtimes runtimes, std::string default_name, Options options, Features features)
    : runtimes_(std::move(runtimes)),
      default_name_(std::move(default_name)),
      options_(std::move(options)),
      features_(std::move(features)) {}

absl::Status RuntimeHandlers::CheckUsable(const std::string& handler) const {
  const std::string why = OptionsOf(handler).unusable;
  if (why.empty()) return Find(handler).status();
  return absl::InvalidArgumentError(
      absl::StrCat("field runtime_handler: no pod can run on the runtime \"", handler, "\": ", why));
}

absl::StatusOr<OciRuntime> RuntimeHandlers::Find(const std::string& handler) const {
  const auto found = runtimes_.find(NameOf(handler));
  if (found == runtimes_.end()) {
    return absl::InvalidArgumentError(absl::StrCat("field runtime_handler: no runtime \"", handler,
                                                   "\" is configured; name it under containerd.runtimes"));
  }
  return found->second;
}

RuntimeFeatures RuntimeHandlers::FeaturesOf(const std::string& handler) const {
  const auto found = features_.find(NameOf(handler));
  return found == features_.end() ? RuntimeFeatures{} : found->second;
}

HandlerOptions RuntimeHandlers::OptionsOf(const std::string& handler) const {
  const auto found = options_.find(NameOf(handler));
  return found == options_.end() ? HandlerOptions{} : found->second;
}

RuntimeHandlers::Features RuntimeHandlers::AllFeatures() const {
  Features all;
  for (const auto& [name, features] : features_) {
    if (!OptionsOf(name).former) all[name] = features;
  }
  all[""] = FeaturesOf("");
  return all;
}

RuntimeHandlers::Features AskRuntimes(const RuntimeHandlers::Runtimes& runtimes, const Layout& layout,
                                      const HostFacts& host) {
  RuntimeHandlers::Features features = AskAll(runtimes);
  ClearUserNamespacesUnlessPossible(layout, host, &features);
  return features;
}

}  // namespace crisp
