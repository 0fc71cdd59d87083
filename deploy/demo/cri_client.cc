#include "deploy/demo/cri_client.h"

#include <grpcpp/grpcpp.h>

namespace crisp {

CriClient::CriClient(const std::string& socket)
    : socket_(socket),
      channel_(grpc::CreateChannel(absl::StrCat("unix://", socket), grpc::InsecureChannelCredentials())),
      runtime_(cri::RuntimeService::NewStub(channel_)),
      image_(cri::ImageService::NewStub(channel_)) {}

absl::Status CriClient::Connect() {
  if (channel_->WaitForConnected(std::chrono::system_clock::now() + kTimeout)) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("nobody listens on ", socket_));
}

absl::Status CriClient::ToAbsl(const char* name, const grpc::Status& status) {
  const absl::StatusCode code = static_cast<absl::StatusCode>(status.error_code());
  return absl::Status(code, absl::StrCat(name, ": ", absl::StatusCodeToString(code), ": ", status.error_message()));
}

}  // namespace crisp
