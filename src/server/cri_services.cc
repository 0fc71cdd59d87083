#include "server/cri_services.h"

#include <cstddef>

#include "server/edge.h"
#include "server/server_options.h"

namespace crisp {

RuntimeService::RuntimeService(const ServerOptions& options, const Reloadable<const NodeReport>* report,
                               const CriBackends& backends)
    : edge_("runtime.v1.RuntimeService", backends.table,
            {backends.rpc_metrics, backends.tracer, backends.log_trace_ids, backends.traces}),
      runtime_(report, backends),
      pods_(backends.pods),
      containers_(backends.pods, static_cast<size_t>(options.max_send_bytes)),
      state_(backends.status),
      stats_(backends.stats),
      streaming_(backends.status, backends.streams) {}

#define CRISP_RPC(name, level, rpcs)                                                                 \
  grpc::Status RuntimeService::name(grpc::ServerContext* context, const cri::name##Request* request, \
                                    cri::name##Response* response) {                                 \
    return edge_.Answer({#name, level}, *context, rpcs, &decltype(rpcs)::name, *request, response);  \
  }

CRISP_RPC(Version, LogLevel::kDebug, runtime_)
CRISP_RPC(Status, LogLevel::kDebug, runtime_)
CRISP_RPC(RuntimeConfig, LogLevel::kDebug, runtime_)
CRISP_RPC(UpdateRuntimeConfig, LogLevel::kInfo, runtime_)

CRISP_RPC(RunPodSandbox, LogLevel::kInfo, pods_)
CRISP_RPC(StopPodSandbox, LogLevel::kInfo, pods_)
CRISP_RPC(RemovePodSandbox, LogLevel::kInfo, pods_)
CRISP_RPC(UpdatePodSandboxResources, LogLevel::kInfo, pods_)

CRISP_RPC(CreateContainer, LogLevel::kInfo, containers_)
CRISP_RPC(StartContainer, LogLevel::kInfo, containers_)
CRISP_RPC(StopContainer, LogLevel::kInfo, containers_)
CRISP_RPC(RemoveContainer, LogLevel::kInfo, containers_)
CRISP_RPC(UpdateContainerResources, LogLevel::kInfo, containers_)
CRISP_RPC(ReopenContainerLog, LogLevel::kInfo, containers_)
CRISP_RPC(ExecSync, LogLevel::kDebug, containers_)
CRISP_RPC(CheckpointContainer, LogLevel::kInfo, containers_)

CRISP_RPC(PodSandboxStatus, LogLevel::kDebug, state_)
CRISP_RPC(ListPodSandbox, LogLevel::kDebug, state_)
CRISP_RPC(ContainerStatus, LogLevel::kDebug, state_)
CRISP_RPC(ListContainers, LogLevel::kDebug, state_)

CRISP_RPC(ContainerStats, LogLevel::kDebug, stats_)
CRISP_RPC(ListContainerStats, LogLevel::kDebug, stats_)
CRISP_RPC(PodSandboxStats, LogLevel::kDebug, stats_)
CRISP_RPC(ListPodSandboxStats, LogLevel::kDebug, stats_)
CRISP_RPC(ListMetricDescriptors, LogLevel::kDebug, stats_)
CRISP_RPC(ListPodSandboxMetrics, LogLevel::kDebug, stats_)

CRISP_RPC(Exec, LogLevel::kInfo, streaming_)
CRISP_RPC(Attach, LogLevel::kInfo, streaming_)
CRISP_RPC(PortForward, LogLevel::kInfo, streaming_)

#undef CRISP_RPC

ImageService::ImageService(const CriBackends& backends)
    : edge_("runtime.v1.ImageService", backends.table,
            {backends.rpc_metrics, backends.tracer, backends.log_trace_ids, backends.traces}),
      images_(backends.images, backends.stats) {}

#define CRISP_RPC(name, level)                                                                     \
  grpc::Status ImageService::name(grpc::ServerContext* context, const cri::name##Request* request, \
                                  cri::name##Response* response) {                                 \
    return edge_.Answer({#name, level}, *context, images_, &ImageRpcs::name, *request, response);  \
  }

CRISP_RPC(ListImages, LogLevel::kDebug)
CRISP_RPC(ImageStatus, LogLevel::kDebug)
CRISP_RPC(PullImage, LogLevel::kInfo)
CRISP_RPC(RemoveImage, LogLevel::kInfo)
CRISP_RPC(ImageFsInfo, LogLevel::kDebug)

#undef CRISP_RPC

}  // namespace crisp
