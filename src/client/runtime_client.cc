#include "client/runtime_client.h"

#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "api/cri/api.grpc.pb.h"
#include "api/crisp/v1/crisp.grpc.pb.h"

namespace crisp::client {
namespace {

constexpr int kMostMessage = 64 << 20;           // bytes; containerd answers with up to 16 MiB, and lists may be longer
constexpr std::chrono::minutes kMakeTimeout{4};  // of a pod or container: plugins and disks may be slow
constexpr std::chrono::hours kNoDeadline{24 * 365};

std::shared_ptr<grpc::Channel> Connect(const std::string& socket) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMostMessage);
  // The authority of a Unix socket is its path in hexadecimal otherwise, which Go's HTTP/2 refuses.
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  return grpc::CreateCustomChannel(absl::StrCat("unix:", socket), grpc::InsecureChannelCredentials(), arguments);
}

absl::Status ToStatus(RuntimeClient* client, const grpc::Status& status, absl::string_view call) {
  if (status.ok()) return absl::OkStatus();
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  switch (status.error_code()) {
    case grpc::StatusCode::UNIMPLEMENTED:
      return absl::Status(code, absl::StrCat(client->Name(), " on ", client->socket(), " has no call ", call,
                                             status.error_message().empty() ? "" : ": ", status.error_message()));
    case grpc::StatusCode::UNAVAILABLE:
      return absl::Status(code, absl::StrCat("no answer from ", client->socket(), ": ", status.error_message(),
                                             "; see that the runtime is up (systemctl status crispd) and that you may "
                                             "use its socket (root may)"));
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::Status(code, absl::StrCat(call, " has taken too long: ", status.error_message(),
                                             "; `crisp ops` shows what the runtime waits for"));
    default:
      return absl::Status(code, status.error_message());
  }
}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Unary(RuntimeClient* client, Stub* stub,
                               grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                               const char* name, const Request& request,
                               std::chrono::seconds timeout = RuntimeClient::kTimeout) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  Response response;
  const grpc::Status status = (stub->*method)(&context, request, &response);
  if (!status.ok()) return ToStatus(client, status, name);
  return response;
}

template <typename Message>
absl::Status ReadAll(RuntimeClient* client, const char* name, grpc::ClientContext* context,
                     grpc::ClientReader<Message>* reader, const std::function<bool(const Message&)>& take) {
  Message message;
  bool left = false;
  while (!left && reader->Read(&message)) {
    if (take(message)) continue;
    left = true;
    context->TryCancel();
  }
  const grpc::Status status = reader->Finish();
  return left ? absl::OkStatus() : ToStatus(client, status, name);
}

}  // namespace

struct RuntimeClient::Stubs {
  explicit Stubs(const std::string& socket)
      : channel(Connect(socket)), runtime(channel), images(channel), own_images(channel), node(channel) {}

  const std::shared_ptr<grpc::Channel> channel;
  cri::RuntimeService::Stub runtime;
  cri::ImageService::Stub images;
  own::Images::Stub own_images;
  own::Node::Stub node;
};

RuntimeClient::RuntimeClient(const std::string& socket) : socket_(socket), stubs_(std::make_unique<Stubs>(socket)) {}
RuntimeClient::~RuntimeClient() = default;

const std::string& RuntimeClient::Name() {
  if (name_.empty()) {
    const auto version = Call(cri::VersionRequest());
    name_ = version.ok() ? version->runtime_name() : "the runtime";
  }
  return name_;
}

absl::StatusOr<cri::VersionResponse> RuntimeClient::Call(const cri::VersionRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::Version, "Version", request);
}
absl::StatusOr<cri::StatusResponse> RuntimeClient::Call(const cri::StatusRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::Status, "Status", request);
}
absl::StatusOr<cri::RuntimeConfigResponse> RuntimeClient::Call(const cri::RuntimeConfigRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::RuntimeConfig, "RuntimeConfig", request);
}
absl::StatusOr<cri::RunPodSandboxResponse> RuntimeClient::Call(const cri::RunPodSandboxRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::RunPodSandbox, "RunPodSandbox", request,
               kMakeTimeout);
}
absl::StatusOr<cri::StopPodSandboxResponse> RuntimeClient::Call(const cri::StopPodSandboxRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::StopPodSandbox, "StopPodSandbox", request);
}
absl::StatusOr<cri::RemovePodSandboxResponse> RuntimeClient::Call(const cri::RemovePodSandboxRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::RemovePodSandbox, "RemovePodSandbox", request);
}
absl::StatusOr<cri::PodSandboxStatusResponse> RuntimeClient::Call(const cri::PodSandboxStatusRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::PodSandboxStatus, "PodSandboxStatus", request);
}
absl::StatusOr<cri::ListPodSandboxResponse> RuntimeClient::Call(const cri::ListPodSandboxRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::ListPodSandbox, "ListPodSandbox", request);
}
absl::StatusOr<cri::CreateContainerResponse> RuntimeClient::Call(const cri::CreateContainerRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::CreateContainer, "CreateContainer", request,
               kMakeTimeout);
}
absl::StatusOr<cri::StartContainerResponse> RuntimeClient::Call(const cri::StartContainerRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::StartContainer, "StartContainer", request);
}
absl::StatusOr<cri::RemoveContainerResponse> RuntimeClient::Call(const cri::RemoveContainerRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::RemoveContainer, "RemoveContainer", request);
}
absl::StatusOr<cri::ContainerStatusResponse> RuntimeClient::Call(const cri::ContainerStatusRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::ContainerStatus, "ContainerStatus", request);
}
absl::StatusOr<cri::ListContainersResponse> RuntimeClient::Call(const cri::ListContainersRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::ListContainers, "ListContainers", request);
}
absl::StatusOr<cri::UpdateContainerResourcesResponse> RuntimeClient::Call(
    const cri::UpdateContainerResourcesRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::UpdateContainerResources, "UpdateContainerResources",
               request);
}
absl::StatusOr<cri::ExecResponse> RuntimeClient::Call(const cri::ExecRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::Exec, "Exec", request);
}
absl::StatusOr<cri::AttachResponse> RuntimeClient::Call(const cri::AttachRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::Attach, "Attach", request);
}
absl::StatusOr<cri::ListContainerStatsResponse> RuntimeClient::Call(const cri::ListContainerStatsRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::ListContainerStats, "ListContainerStats", request);
}
absl::StatusOr<cri::ListPodSandboxStatsResponse> RuntimeClient::Call(const cri::ListPodSandboxStatsRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::ListPodSandboxStats, "ListPodSandboxStats", request);
}
absl::StatusOr<cri::StopContainerResponse> RuntimeClient::Call(const cri::StopContainerRequest& request) {
  return Unary(this, &stubs_->runtime, &cri::RuntimeService::Stub::StopContainer, "StopContainer", request,
               kTimeout + std::chrono::seconds(request.timeout()));
}

absl::StatusOr<cri::ListImagesResponse> RuntimeClient::Call(const cri::ListImagesRequest& request) {
  return Unary(this, &stubs_->images, &cri::ImageService::Stub::ListImages, "ListImages", request);
}
absl::StatusOr<cri::ImageStatusResponse> RuntimeClient::Call(const cri::ImageStatusRequest& request) {
  return Unary(this, &stubs_->images, &cri::ImageService::Stub::ImageStatus, "ImageStatus", request);
}
absl::StatusOr<cri::RemoveImageResponse> RuntimeClient::Call(const cri::RemoveImageRequest& request) {
  return Unary(this, &stubs_->images, &cri::ImageService::Stub::RemoveImage, "RemoveImage", request);
}
absl::StatusOr<cri::ImageFsInfoResponse> RuntimeClient::Call(const cri::ImageFsInfoRequest& request) {
  return Unary(this, &stubs_->images, &cri::ImageService::Stub::ImageFsInfo, "ImageFsInfo", request);
}
absl::StatusOr<cri::PullImageResponse> RuntimeClient::Call(const cri::PullImageRequest& request) {
  return Unary(this, &stubs_->images, &cri::ImageService::Stub::PullImage, "PullImage", request, kNoDeadline);
}

absl::StatusOr<own::ListPullsResponse> RuntimeClient::Call(const own::ListPullsRequest& request) {
  return Unary(this, &stubs_->own_images, &own::Images::Stub::ListPulls, "ListPulls", request);
}
absl::StatusOr<own::TagResponse> RuntimeClient::Call(const own::TagRequest& request) {
  return Unary(this, &stubs_->own_images, &own::Images::Stub::Tag, "Tag", request);
}
absl::StatusOr<own::UntagResponse> RuntimeClient::Call(const own::UntagRequest& request) {
  return Unary(this, &stubs_->own_images, &own::Images::Stub::Untag, "Untag", request);
}
absl::StatusOr<own::DescribeResponse> RuntimeClient::Call(const own::DescribeRequest& request) {
  return Unary(this, &stubs_->own_images, &own::Images::Stub::Describe, "Describe", request);
}
absl::StatusOr<own::PageResponse> RuntimeClient::Call(const own::PageRequest& request) {
  return Unary(this, &stubs_->node, &own::Node::Stub::Page, "Page", request);
}

absl::Status RuntimeClient::Pull(const own::PullRequest& request,
                                 const std::function<bool(const own::PullProgress&)>& take) {
  grpc::ClientContext context;
  const auto reader = stubs_->own_images.Pull(&context, request);
  return ReadAll(this, "crisp.v1.Images.Pull", &context, reader.get(), take);
}

absl::Status RuntimeClient::Events(const std::function<bool(const cri::ContainerEventResponse&)>& take) {
  grpc::ClientContext context;
  const auto reader = stubs_->runtime.GetContainerEvents(&context, cri::GetEventsRequest());
  return ReadAll(this, "GetContainerEvents", &context, reader.get(), take);
}

}  // namespace crisp::client
