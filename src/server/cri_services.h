// The two gRPC services of CRI v1. Each RPC is a member function of one of the *Rpcs classes, which know no gRPC; here
// are its name, its log level and which of them answers it.
//
// An RPC that is not overridden answers Unimplemented, and clients fall back to another one.
//
// Include it in few files: the generated header takes five seconds to compile.
#pragma once

#include "api/cri/api.grpc.pb.h"
#include "api/cri/cri.h"
#include "server/container_rpcs.h"
#include "server/edge.h"
#include "server/image_rpcs.h"
#include "server/pod_rpcs.h"
#include "server/runtime_rpcs.h"
#include "server/state_rpcs.h"
#include "server/stats_rpcs.h"
#include "server/streaming_rpcs.h"

namespace crisp {

#define CRISP_RPC(name)                                                                                             \
  grpc::Status name(grpc::ServerContext* context, const cri::name##Request* request, cri::name##Response* response) \
      override

// The RPCs that are answered by a stream of messages are served by StreamCalls (stream_calls.h).
template <typename Base>
using WithStreams =
    cri::RuntimeService::WithAsyncMethod_GetContainerEvents<cri::RuntimeService::WithAsyncMethod_StreamPodSandboxes<
        cri::RuntimeService::WithAsyncMethod_StreamContainers<cri::RuntimeService::WithAsyncMethod_StreamContainerStats<
            cri::RuntimeService::WithAsyncMethod_StreamPodSandboxStats<
                cri::RuntimeService::WithAsyncMethod_StreamPodSandboxMetrics<Base>>>>>>;

struct CriBackends;

class RuntimeService final : public WithStreams<cri::RuntimeService::Service> {
 public:
  // All must outlive the service.
  RuntimeService(const ServerOptions& options, const Reloadable<const NodeReport>* report, const CriBackends& backends);

  CRISP_RPC(Version);
  CRISP_RPC(Status);
  CRISP_RPC(RuntimeConfig);
  CRISP_RPC(UpdateRuntimeConfig);

  CRISP_RPC(RunPodSandbox);
  CRISP_RPC(StopPodSandbox);
  CRISP_RPC(RemovePodSandbox);
  CRISP_RPC(UpdatePodSandboxResources);

  CRISP_RPC(CreateContainer);
  CRISP_RPC(StartContainer);
  CRISP_RPC(StopContainer);
  CRISP_RPC(RemoveContainer);
  CRISP_RPC(UpdateContainerResources);
  CRISP_RPC(ReopenContainerLog);
  CRISP_RPC(ExecSync);
  CRISP_RPC(CheckpointContainer);

  CRISP_RPC(PodSandboxStatus);
  CRISP_RPC(ListPodSandbox);
  CRISP_RPC(ContainerStatus);
  CRISP_RPC(ListContainers);

  CRISP_RPC(ContainerStats);
  CRISP_RPC(ListContainerStats);
  CRISP_RPC(PodSandboxStats);
  CRISP_RPC(ListPodSandboxStats);
  CRISP_RPC(ListMetricDescriptors);
  CRISP_RPC(ListPodSandboxMetrics);

  CRISP_RPC(Exec);
  CRISP_RPC(Attach);
  CRISP_RPC(PortForward);

  Edge& edge() { return edge_; }

 private:
  Edge edge_;
  RuntimeRpcs runtime_;
  PodRpcs pods_;
  ContainerRpcs containers_;
  StateRpcs state_;
  StatsRpcs stats_;
  StreamingRpcs streaming_;
};

// StreamImages is served by StreamCalls (stream_calls.h).
class ImageService final : public cri::ImageService::WithAsyncMethod_StreamImages<cri::ImageService::Service> {
 public:
  // All must outlive the service.
  explicit ImageService(const CriBackends& backends);

  CRISP_RPC(ListImages);
  CRISP_RPC(ImageStatus);
  CRISP_RPC(PullImage);
  CRISP_RPC(RemoveImage);
  CRISP_RPC(ImageFsInfo);

  Edge& edge() { return edge_; }

 private:
  Edge edge_;
  ImageRpcs images_;
};

#undef CRISP_RPC

}  // namespace crisp
