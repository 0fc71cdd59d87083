#include "server/cri_server.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/socket_path.h"
#include "server/containerd_services.h"
#include "server/cri_services.h"
#include "server/stream_calls.h"

namespace crisp {
namespace {

// A call that waits holds a thread, as StopContainer does for its whole grace period. A client that gives up and asks
// again leaves waiting calls behind, and they must not keep anybody else from being served.
constexpr int kMaxThreads = 16384;
constexpr std::chrono::seconds kShutdownGrace{1};

absl::Status GiveTo(const std::string& path, uid_t uid, gid_t gid) {
  if (chmod(path.c_str(), 0660) != 0 || lchown(path.c_str(), uid, gid) != 0) {
    return ErrnoStatus(errno, absl::StrCat("set the owner of ", path));
  }
  return absl::OkStatus();
}

absl::Status PrepareSocketPath(const std::string& path, absl::string_view key) {
  RETURN_IF_ERROR(CheckSocketPath(path, key));
  return MakeDirs(path.substr(0, std::max<size_t>(1, path.rfind('/'))), 0711);
}

}  // namespace

class CriServer::Impl {
 public:
  Impl(ServerOptions options, const CriBackends& backends)
      : options_(std::move(options)),
        runtime_(options_, backends),
        images_(backends),
        containerd_(backends.containerd, backends.table,
                    {backends.rpc_metrics, backends.tracer, backends.log_trace_ids}),
        stream_calls_({&runtime_, &images_, backends, static_cast<size_t>(options_.max_send_bytes)}) {}

  ~Impl() {
    if (server_ == nullptr) return;
    stream_calls_.EndEvents();
    server_->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
  }

  absl::Status Listen() {
    RETURN_IF_ERROR(PrepareSocketPath(options_.address, "grpc.address"));
    if (!options_.containerd_address.empty()) {
      RETURN_IF_ERROR(PrepareSocketPath(options_.containerd_address, "crisp.containerd_address"));
    }
    grpc::ResourceQuota quota("crispd");
    quota.SetMaxThreads(kMaxThreads);
    grpc::ServerBuilder builder;
    builder.SetResourceQuota(quota);
    builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
    builder.SetMaxReceiveMessageSize(options_.max_receive_bytes);
    builder.SetMaxSendMessageSize(options_.max_send_bytes);
    for (const std::string& address : Addresses()) {
      builder.AddListeningPort(absl::StrCat("unix:", address), grpc::InsecureServerCredentials());
    }
    builder.RegisterService(&runtime_);
    builder.RegisterService(&images_);
    containerd_.Register(&builder);
    stream_calls_.Register(&builder);
    // With the umask of 022 that main sets nobody but the owner may connect before the owner is set (unix(7)).
    server_ = builder.BuildAndStart();
    if (server_ == nullptr)
      return absl::InternalError(
          absl::StrCat("listen on ", absl::StrJoin(Addresses(), " and "), ": gRPC could not bind"));
    RETURN_IF_ERROR(stream_calls_.Start());
    for (const std::string& address : Addresses()) RETURN_IF_ERROR(GiveTo(address, options_.uid, options_.gid));
    return absl::OkStatus();
  }

 private:
  std::vector<std::string> Addresses() const {
    if (options_.containerd_address.empty()) return {options_.address};
    return {options_.address, options_.containerd_address};
  }

  const ServerOptions options_;
  RuntimeService runtime_;
  ImageService images_;
  ContainerdServices containerd_;
  std::unique_ptr<grpc::Server> server_;
  StreamCalls stream_calls_;  // goes before the server, after its shutdown
};

CriServer::CriServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CriServer::~CriServer() = default;

absl::StatusOr<std::unique_ptr<CriServer>> CriServer::Start(ServerOptions options, const CriBackends& backends) {
  auto impl = std::make_unique<Impl>(std::move(options), backends);
  RETURN_IF_ERROR(impl->Listen());
  return std::unique_ptr<CriServer>(new CriServer(std::move(impl)));
}

}  // namespace crisp
