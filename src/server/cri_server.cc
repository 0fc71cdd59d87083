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
#include "base/log.h"
#include "base/reloadable.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "os/socket_path.h"
#include "os/unix_socket.h"
#include "server/call_listener.h"
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

// With the umask of 022 that main sets nobody but the owner may connect before the owner is set (unix(7)).
absl::StatusOr<Fd> MakeSocket(const std::string& path, absl::string_view key, uid_t uid, gid_t gid) {
  RETURN_IF_ERROR(CheckSocketPath(path, key));
  RETURN_IF_ERROR(MakeDirs(path.substr(0, std::max<size_t>(1, path.rfind('/'))), 0711));
  ASSIGN_OR_RETURN(Fd socket, ListenStream(path));
  RETURN_IF_ERROR(GiveTo(path, uid, gid));
  return socket;
}

}  // namespace

class CriServer::Impl {
 public:
  Impl(ServerOptions options, const CriBackends& backends)
      : options_(std::move(options)),
        reactor_(backends.reactor),
        report_(std::make_shared<const NodeReport>(options_.report)),
        runtime_(options_, &report_, backends),
        images_(backends),
        containerd_(backends.containerd, backends.table,
                    {backends.rpc_metrics, backends.tracer, backends.log_trace_ids}),
        stream_calls_({&runtime_, &images_, backends, static_cast<size_t>(options_.max_send_bytes)}) {}

  ~Impl() {
    listeners_.clear();
    for (const std::string& path : made_) unlink(path.c_str());
    if (server_ == nullptr) return;
    stream_calls_.EndEvents();
    server_->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
  }

  void SetReport(NodeReport report) { report_.Set(std::make_shared<const NodeReport>(std::move(report))); }

  bool Answers(MonoTime until) {
    const auto stub = cri::RuntimeService::NewStub(server_->InProcessChannel({}));
    grpc::ClientContext context;
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(until - MonoClock::now());
    context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_micros(left.count(), GPR_TIMESPAN)));
    cri::VersionResponse response;
    const grpc::Status status = stub->Version(&context, cri::VersionRequest(), &response);
    return status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED;
  }

  absl::Status Listen() {
    RETURN_IF_ERROR(AddSocket(options_.address, "grpc.address"));
    if (!options_.containerd_address.empty()) {
      RETURN_IF_ERROR(AddSocket(options_.containerd_address, "crisp.containerd_address"));
    }
    WarnOfUnusedSockets();
    RETURN_IF_ERROR(StartServer());
    RETURN_IF_ERROR(stream_calls_.Start());
    for (Fd& socket : sockets_) {
      ASSIGN_OR_RETURN(listeners_.emplace_back(), CallListener::Start(reactor_, std::move(socket), acceptor_.get()));
    }
    return absl::OkStatus();
  }

 private:
  absl::Status AddSocket(const std::string& path, absl::string_view key) {
    if (const auto given = options_.sockets.find(path); given != options_.sockets.end()) {
      sockets_.push_back(std::move(given->second));
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(sockets_.emplace_back(), MakeSocket(path, key, options_.uid, options_.gid));
    made_.push_back(path);
    return absl::OkStatus();
  }

  void WarnOfUnusedSockets() const {
    for (const auto& [path, socket] : options_.sockets) {
      if (!socket.valid()) continue;
      LogWarning(
          "systemd listens for crispd at a socket that the configuration does not name; its clients wait forever",
          {{"socket", path}, {"grpc.address", options_.address}});
    }
  }

  absl::Status StartServer() {
    grpc::ResourceQuota quota("crispd");
    quota.SetMaxThreads(kMaxThreads);
    grpc::ServerBuilder builder;
    builder.SetResourceQuota(quota);
    builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
    builder.SetMaxReceiveMessageSize(options_.max_receive_bytes);
    builder.SetMaxSendMessageSize(options_.max_send_bytes);
    acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
        grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD, grpc::InsecureServerCredentials());
    builder.RegisterService(&runtime_);
    builder.RegisterService(&images_);
    containerd_.Register(&builder);
    stream_calls_.Register(&builder);
    server_ = builder.BuildAndStart();
    return server_ == nullptr ? absl::InternalError("start the gRPC server: it says no more") : absl::OkStatus();
  }

  ServerOptions options_;
  Reactor* const reactor_;
  std::vector<Fd> sockets_;        // until their listeners take them
  std::vector<std::string> made_;  // paths of sockets that go with the server
  Reloadable<const NodeReport> report_;
  RuntimeService runtime_;
  ImageService images_;
  ContainerdServices containerd_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;
  std::unique_ptr<grpc::Server> server_;
  StreamCalls stream_calls_;                              // goes before the server, after its shutdown
  std::vector<std::unique_ptr<CallListener>> listeners_;  // one for each socket
};

CriServer::CriServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CriServer::~CriServer() = default;

void CriServer::SetReport(NodeReport report) {
  impl_->SetReport(std::move(report));
}

bool CriServer::Answers(MonoTime until) {
  return impl_->Answers(until);
}

absl::StatusOr<std::unique_ptr<CriServer>> CriServer::Start(ServerOptions options, const CriBackends& backends) {
  auto impl = std::make_unique<Impl>(std::move(options), backends);
  RETURN_IF_ERROR(impl->Listen());
  return std::unique_ptr<CriServer>(new CriServer(std::move(impl)));
}

}  // namespace crisp
