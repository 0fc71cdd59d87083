// A client of a CRI server, as the kubelet is one: a connection, and a call for every RPC that the demonstration makes.
//
// Threading: from one thread. Errors: the server's own code and text, with the name of the RPC before it.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "api/cri/api.grpc.pb.h"
#include "api/cri/cri.h"

namespace crisp {

class CriClient {
 public:
  // `socket` is the path of the server's socket.
  explicit CriClient(const std::string& socket);

  // Waits until the server listens. Later calls fail at once when it has gone.
  absl::Status Connect();

  // client.Call("RunPodSandbox", &Runtime::RunPodSandbox, request): any unary RPC of the RuntimeService.
  using Runtime = cri::RuntimeService::Stub;
  using Image = cri::ImageService::Stub;
  template <typename Service, typename Request, typename Response>
  absl::StatusOr<Response> Call(const char* name,
                                grpc::Status (Service::*rpc)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kTimeout);
    Response response;
    const grpc::Status status = (stub<Service>().*rpc)(&context, request, &response);
    if (!status.ok()) return ToAbsl(name, status);
    return response;
  }

 private:
  static constexpr std::chrono::seconds kTimeout{60};

  static absl::Status ToAbsl(const char* name, const grpc::Status& status);

  template <typename Service>
  Service& stub() {
    if constexpr (std::is_same_v<Service, Runtime>) {
      return *runtime_;
    } else {
      return *image_;
    }
  }

  std::string socket_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Image> image_;
};

}  // namespace crisp
