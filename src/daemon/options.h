// The options of each room, out of the configuration.
#pragma once

#include <optional>

#include "absl/status/statusor.h"

namespace crisp {

class Layout;
struct CniOptions;
struct Config;
struct ImagesOptions;
struct NodeReport;
struct SandboxOptions;
struct ServerOptions;
struct StreamServerOptions;
struct TracingOptions;

// FailedPrecondition if the default OCI runtime or the shim is not installed. Without another runtime the daemon goes
// on; the log names it, and the pods that ask for it are refused.
absl::StatusOr<SandboxOptions> SandboxOptionsOf(const Config& config, const Layout& layout);
CniOptions CniOptionsOf(const Config& config, const Layout& layout);
ImagesOptions ImagesOptionsOf(const Config& config);
ServerOptions ServerOptionsOf(const Config& config, const Layout& layout);
NodeReport NodeReportOf(const Config& config, const Layout& layout);
StreamServerOptions StreamServerOptionsOf(const Config& config);
// With the variables of the environment. Nothing if nothing is to be traced.
absl::StatusOr<std::optional<TracingOptions>> TracingOptionsOf(const Config& config);

}  // namespace crisp
