#include "deploy/demo/cri_client.h"

#include <grpcpp/grpcpp.h>

namespace crisp {

CriClient::CriClient(const std::string& socket) {
  const std::shared_ptr<grpc::Channel> channel =
      grpc::CreateChannel(absl::StrCat("unix://", socket), grpc::InsecureChannelCredentials());
  runtime_ = cri::RuntimeService::NewStub(channel);
  image_ = cri::ImageService::NewStub(channel);
}

absl::Status CriClient::ToAbsl(const char* name, const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      absl::StrCat(name, ": ", status.error_message()));
}

}  // namespace crisp
