// RuntimeService of CRI v1. Each RPC is in a file of its own, named for it. What is not overridden answers
// Unimplemented, on which clients fall back.
#pragma once

#include "api/cri/api.grpc.pb.h"
#include "api/cri/cri.h"
#include "server/cri_server.h"

namespace crisp {

// Those that answer by a stream are served by LongCalls (long_calls.h), which asks for them by the methods Request….
template <typename Base>
using WithStreams =
    cri::RuntimeService::WithAsyncMethod_GetContainerEvents<cri::RuntimeService::WithAsyncMethod_StreamPodSandboxes<
        cri::RuntimeService::WithAsyncMethod_StreamContainers<cri::RuntimeService::WithAsyncMethod_StreamContainerStats<
            cri::RuntimeService::WithAsyncMethod_StreamPodSandboxStats<
                cri::RuntimeService::WithAsyncMethod_StreamPodSandboxMetrics<Base>>>>>>;

class RuntimeService final : public WithStreams<cri::RuntimeService::Service> {
 public:
  RuntimeService(const ServerOptions& options, PodManager* pods, Network* network, StreamServer* streams)
      : options_(options), pods_(pods), network_(network), streams_(streams) {}

#define CRISP_RPC(name, request, response) \
  grpc::Status name(grpc::ServerContext* context, const cri::request* in, cri::response* out) override
  CRISP_RPC(Version, VersionRequest, VersionResponse);
  CRISP_RPC(Status, StatusRequest, StatusResponse);
  CRISP_RPC(RuntimeConfig, RuntimeConfigRequest, RuntimeConfigResponse);
  CRISP_RPC(UpdateRuntimeConfig, UpdateRuntimeConfigRequest, UpdateRuntimeConfigResponse);

  CRISP_RPC(RunPodSandbox, RunPodSandboxRequest, RunPodSandboxResponse);
  CRISP_RPC(StopPodSandbox, StopPodSandboxRequest, StopPodSandboxResponse);
  CRISP_RPC(RemovePodSandbox, RemovePodSandboxRequest, RemovePodSandboxResponse);
  CRISP_RPC(PodSandboxStatus, PodSandboxStatusRequest, PodSandboxStatusResponse);
  CRISP_RPC(ListPodSandbox, ListPodSandboxRequest, ListPodSandboxResponse);

  CRISP_RPC(CreateContainer, CreateContainerRequest, CreateContainerResponse);
  CRISP_RPC(StartContainer, StartContainerRequest, StartContainerResponse);
  CRISP_RPC(StopContainer, StopContainerRequest, StopContainerResponse);
  CRISP_RPC(RemoveContainer, RemoveContainerRequest, RemoveContainerResponse);
  CRISP_RPC(ListContainers, ListContainersRequest, ListContainersResponse);
  CRISP_RPC(ContainerStatus, ContainerStatusRequest, ContainerStatusResponse);
  CRISP_RPC(ExecSync, ExecSyncRequest, ExecSyncResponse);
  CRISP_RPC(ReopenContainerLog, ReopenContainerLogRequest, ReopenContainerLogResponse);
  CRISP_RPC(UpdateContainerResources, UpdateContainerResourcesRequest, UpdateContainerResourcesResponse);
  CRISP_RPC(UpdatePodSandboxResources, UpdatePodSandboxResourcesRequest, UpdatePodSandboxResourcesResponse);
  CRISP_RPC(CheckpointContainer, CheckpointContainerRequest, CheckpointContainerResponse);

  CRISP_RPC(ContainerStats, ContainerStatsRequest, ContainerStatsResponse);
  CRISP_RPC(ListContainerStats, ListContainerStatsRequest, ListContainerStatsResponse);
  CRISP_RPC(PodSandboxStats, PodSandboxStatsRequest, PodSandboxStatsResponse);
  CRISP_RPC(ListPodSandboxStats, ListPodSandboxStatsRequest, ListPodSandboxStatsResponse);
  CRISP_RPC(ListMetricDescriptors, ListMetricDescriptorsRequest, ListMetricDescriptorsResponse);
  CRISP_RPC(ListPodSandboxMetrics, ListPodSandboxMetricsRequest, ListPodSandboxMetricsResponse);

  CRISP_RPC(Exec, ExecRequest, ExecResponse);
  CRISP_RPC(Attach, AttachRequest, AttachResponse);
  CRISP_RPC(PortForward, PortForwardRequest, PortForwardResponse);

 private:
  const ServerOptions& options_;
  PodManager* const pods_;
  Network* const network_;
  StreamServer* const streams_;
};

}  // namespace crisp
