#include "server/stream_calls.h"

#include <algorithm>

#include "images/node_images.h"
#include "sandbox/event_hub.h"
#include "sandbox/pod_manager.h"
#include "server/cri_services.h"
#include "server/image_message.h"
#include "server/own_services.h"
#include "server/pull_source.h"
#include "server/stream_call.h"
#include "stats/stats.h"
#include "stats/status_view.h"

namespace crisp {
namespace {

// The size of a list's messages. A client has a limit of its own, 16 MiB for the kubelet, and reads one message while
// the next is on its way.
constexpr size_t kMostChunkBytes = 1 << 20;

}  // namespace

StreamCalls::StreamCalls(const Parts& parts)
    : parts_(parts), chunk_bytes_(std::min(kMostChunkBytes, parts.max_send_bytes / 2)) {}

// Before the loop's end: a list that is built afterwards, or a pull that ends, would write to a queue that is shut
// down.
StreamCalls::~StreamCalls() {
  ending_ = true;
  pullers_.Stop();
  workers_.Stop();
}

void StreamCalls::Register(grpc::ServerBuilder* builder) {
  loop_.Register(builder);
}

absl::Status StreamCalls::Start() {
  AcceptEvents();
  AcceptStateLists();
  AcceptStatsLists();
  AcceptImageList();
  AcceptPulls();
  return loop_.Start();
}

void StreamCalls::EndEvents() {
  ending_ = true;
  parts_.backends.pods->events().Close(absl::UnavailableError("crispd is ending"));
}

void StreamCalls::AcceptEvents() {
  crisp::AcceptEvents(parts_.runtime_service->edge(), parts_.runtime_service, loop_.queue(),
                      &parts_.backends.pods->events());
}

ListServing StreamCalls::Serving(Edge* edge) {
  return {loop_.queue(), &workers_, edge, chunk_bytes_};
}

void StreamCalls::AcceptStateLists() {
  const ListServing runtime_lists = Serving(&parts_.runtime_service->edge());
  AcceptList(
      "StreamPodSandboxes", runtime_lists, parts_.runtime_service, &RuntimeService::RequestStreamPodSandboxes,
      [this](const cri::StreamPodSandboxesRequest& request) {
        return parts_.backends.status->ListPods(request.filter());
      },
      [](cri::StreamPodSandboxesResponse& message) { return message.mutable_pod_sandboxes(); });
  AcceptList(
      "StreamContainers", runtime_lists, parts_.runtime_service, &RuntimeService::RequestStreamContainers,
      [this](const cri::StreamContainersRequest& request) {
        return parts_.backends.status->ListContainers(request.filter());
      },
      [](cri::StreamContainersResponse& message) { return message.mutable_containers(); });
}

void StreamCalls::AcceptStatsLists() {
  const ListServing runtime_lists = Serving(&parts_.runtime_service->edge());
  AcceptList(
      "StreamContainerStats", runtime_lists, parts_.runtime_service, &RuntimeService::RequestStreamContainerStats,
      [this](const cri::StreamContainerStatsRequest& request) {
        return parts_.backends.stats->ListContainers(request.filter());
      },
      [](cri::StreamContainerStatsResponse& message) { return message.mutable_container_stats(); });
  AcceptList(
      "StreamPodSandboxStats", runtime_lists, parts_.runtime_service, &RuntimeService::RequestStreamPodSandboxStats,
      [this](const cri::StreamPodSandboxStatsRequest& request) {
        return parts_.backends.stats->ListPods(request.filter());
      },
      [](cri::StreamPodSandboxStatsResponse& message) { return message.mutable_pod_sandbox_stats(); });
  AcceptList(
      "StreamPodSandboxMetrics", runtime_lists, parts_.runtime_service, &RuntimeService::RequestStreamPodSandboxMetrics,
      [this](const cri::StreamPodSandboxMetricsRequest&) { return parts_.backends.stats->ListPodMetrics(); },
      [](cri::StreamPodSandboxMetricsResponse& message) { return message.mutable_pod_sandbox_metrics(); });
}

void StreamCalls::AcceptImageList() {
  const ListServing image_lists = Serving(&parts_.image_service->edge());
  AcceptList(
      "StreamImages", image_lists, parts_.image_service, &ImageService::RequestStreamImages,
      [this](const cri::StreamImagesRequest& request) {
        return ImageMessages(parts_.backends.images, request.filter());
      },
      [](cri::StreamImagesResponse& message) { return message.mutable_images(); });
}

void StreamCalls::AcceptPulls() {
  using Stream = StreamCall<v1::PullRequest, v1::PullProgress>;
  OwnImageService* const service = parts_.own_images;
  const PullServing serving{parts_.backends.images, parts_.backends.reactor, &pullers_,
                            [this] { return ending_.load(); }};
  Stream::Accept(
      service->edge().NameOf("Pull"), service->edge().watchers(),
      [=, queue = loop_.queue()](grpc::ServerContext* context, v1::PullRequest* request, Stream::Writer* writer,
                                 void* tag) { service->RequestPull(context, request, writer, queue, queue, tag); },
      [=](const v1::PullRequest& request, std::function<void()> wake) -> Stream::Source {
        service->edge().unknown_fields().Look("Pull", request);
        return PullSource::Start(serving, request, std::move(wake));
      },
      {LogLevel::kInfo, [](const v1::PullRequest& request) { return NamedSubject("image", request.image()); }});
}

}  // namespace crisp
