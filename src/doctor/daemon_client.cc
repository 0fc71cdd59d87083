#include "doctor/daemon_client.h"

#include <grpcpp/grpcpp.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "api/cri/api.grpc.pb.h"
#include "api/cri/cri.h"
#include "base/call_context.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

absl::Status ToStatus(const grpc::Status& status) {
  const std::string text = status.error_message();
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return absl::OkStatus();
    case grpc::StatusCode::UNAVAILABLE:
      return absl::UnavailableError(text);
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return absl::DeadlineExceededError(text);
    default:
      return absl::InternalError(text);
  }
}

}  // namespace

struct DaemonClient::Stubs {
  std::unique_ptr<cri::RuntimeService::Stub> runtime;
  std::unique_ptr<cri::ImageService::Stub> images;

  template <typename Stub, typename Request, typename Response>
  absl::Status Call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response, const CallContext& call) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(PollMillis(call.deadline())));
    return ToStatus((stub.*method)(&context, request, response));
  }
};

DaemonClient::DaemonClient(const std::string& socket) : stubs_(std::make_unique<Stubs>()) {
  const auto channel = grpc::CreateChannel(absl::StrCat("unix:", socket), grpc::InsecureChannelCredentials());
  stubs_->runtime = cri::RuntimeService::NewStub(channel);
  stubs_->images = cri::ImageService::NewStub(channel);
}

DaemonClient::~DaemonClient() = default;

absl::StatusOr<std::string> DaemonClient::Version(const CallContext& call) {
  cri::VersionResponse response;
  RETURN_IF_ERROR(
      stubs_->Call(*stubs_->runtime, &cri::RuntimeService::Stub::Version, cri::VersionRequest(), &response, call));
  return absl::StrCat(response.runtime_name(), " ", response.runtime_version());
}

absl::StatusOr<DaemonStatus> DaemonClient::Status(const CallContext& call) {
  cri::StatusRequest request;
  request.set_verbose(true);
  cri::StatusResponse response;
  RETURN_IF_ERROR(stubs_->Call(*stubs_->runtime, &cri::RuntimeService::Stub::Status, request, &response, call));
  DaemonStatus status;
  for (const auto& each : response.status().conditions()) {
    status.conditions.push_back({each.type(), each.status(), each.reason(), each.message()});
  }
  const auto operations = response.info().find("operations");
  if (operations != response.info().end()) status.operations = operations->second;
  return status;
}

absl::StatusOr<bool> DaemonClient::HasImage(const std::string& image, const CallContext& call) {
  cri::ImageStatusRequest request;
  request.mutable_image()->set_image(image);
  cri::ImageStatusResponse response;
  RETURN_IF_ERROR(stubs_->Call(*stubs_->images, &cri::ImageService::Stub::ImageStatus, request, &response, call));
  return response.has_image();
}

}  // namespace crisp
