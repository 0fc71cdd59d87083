#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::Version(grpc::ServerContext*, const cri::VersionRequest*, cri::VersionResponse* out) {
  return Serve({"Version", LogLevel::kDebug, ""}, [&]() -> absl::Status {
    out->set_version("0.1.0");  // of the kubelet's runtime API, a constant since its beginning
    out->set_runtime_name("crisp");
    out->set_runtime_version(CRISP_VERSION);
    out->set_runtime_api_version("v1");
    return absl::OkStatus();
  });
}

}  // namespace crisp
