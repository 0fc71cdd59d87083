// RuntimeHandlers: the OCI runtimes that the configuration names, and what each can do. Immutable.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/oci_runtime.h"
#include "runtime/runtime_features.h"
#include "sandbox/security_options.h"
#include "store/layout.h"

namespace crisp {

struct HostFacts;

class RuntimeHandlers {
 public:
  using Runtimes = std::map<std::string, OciRuntime>;
  using Features = std::map<std::string, RuntimeFeatures>;
  using Options = std::map<std::string, HandlerOptions>;

  // `default_name` is a name in `runtimes`. All maps are by name of the handler. One that is not in `runtimes` may have
  // options that say why.
  RuntimeHandlers(Runtimes runtimes, std::string default_name, Options options, Features features);

  // "" is the default handler in each of them.
  // InvalidArgument for a handler that is not configured, or on which no new pod can run.
  absl::Status CheckUsable(const std::string& handler) const;
  // InvalidArgument for a handler that is not configured.
  absl::StatusOr<OciRuntime> Find(const std::string& handler) const;
  // Of a handler that is not configured any more: no feature, and the options' defaults.
  RuntimeFeatures FeaturesOf(const std::string& handler) const;
  HandlerOptions OptionsOf(const std::string& handler) const;
  const OciRuntime& Default() const { return runtimes_.at(default_name_); }
  // Of those that new pods may ask for, with the default one as "" too.
  Features AllFeatures() const;
  // The handler's own name.
  const std::string& NameOf(const std::string& handler) const { return handler.empty() ? default_name_ : handler; }

 private:
  const Runtimes runtimes_;
  const std::string default_name_;
  const Options options_;
  const Features features_;
};

// Asks each runtime what it can do, and the kernel whether it can do its part. A runtime that gives no answer has no
// features; the log says so. One whose program is missing is not asked.
RuntimeHandlers::Features AskRuntimes(const RuntimeHandlers::Runtimes& runtimes, const Layout& layout,
                                      const HostFacts& host);

}  // namespace crisp
