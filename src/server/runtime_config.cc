#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::RuntimeConfig(grpc::ServerContext*, const cri::RuntimeConfigRequest*,
                                           cri::RuntimeConfigResponse* out) {
  return Serve({"RuntimeConfig", LogLevel::kDebug, ""}, [&]() -> absl::Status {
    out->mutable_linux()->set_cgroup_driver(options_.systemd_cgroup ? cri::SYSTEMD : cri::CGROUPFS);
    return absl::OkStatus();
  });
}

}  // namespace crisp
