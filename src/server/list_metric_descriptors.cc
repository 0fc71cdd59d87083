#include "base/status_macros.h"
#include "sandbox/metrics.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {

grpc::Status RuntimeService::ListMetricDescriptors(grpc::ServerContext*, const cri::ListMetricDescriptorsRequest*,
                                                   cri::ListMetricDescriptorsResponse* out) {
  return Serve({"ListMetricDescriptors", LogLevel::kDebug, ""}, [&]() -> absl::Status {
    for (cri::MetricDescriptor& descriptor : MetricDescriptors()) *out->add_descriptors() = std::move(descriptor);
    return absl::OkStatus();
  });
}

}  // namespace crisp
