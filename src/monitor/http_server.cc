#include "monitor/http_server.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "monitor/http_connection.h"
#include "os/errno_status.h"
#include "os/socket_path.h"
#include "os/unix_socket.h"

namespace crisp {
namespace {

// "127.0.0.1:80", "[::1]:80".
absl::StatusOr<ListeningSocket> ListenOnPort(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError("expected one like 127.0.0.1:1338 or unix:///run/crisp/metrics.sock");
  }
  absl::string_view host = absl::string_view(address).substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
  return ListenTcp(std::string(host), address.substr(colon + 1));
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options, HttpPages pages,
                                                              HttpTrees trees) {
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(options), std::move(pages), std::move(trees)));
  ASSIGN_OR_RETURN(server->loop_, StreamLoop::Start());
  RETURN_IF_ERROR(server->Listen(), "serve HTTP at ", server->options_.address);
  return server;
}

HttpServer::HttpServer(HttpServerOptions options, HttpPages pages, HttpTrees trees)
    : options_(std::move(options)), pages_(std::move(pages)), trees_(std::move(trees)) {}

absl::Status HttpServer::Listen() {
  absl::string_view path = options_.address;
  ListeningSocket socket;
  if (absl::ConsumePrefix(&path, "unix://")) {
    socket_path_ = std::string(path);
    host_ = socket_path_;
    ASSIGN_OR_RETURN(socket.fd, ListenOnPath());
  } else {
    ASSIGN_OR_RETURN(socket, ListenOnPort(options_.address));
    host_ = socket.host;
  }
  loop_->RunAndWait([&] {
    listener_ = std::make_unique<StreamListener>(loop_.get(), std::move(socket.fd),
                                                 [this](Fd accepted) { OnAccepted(std::move(accepted)); });
  });
  return absl::OkStatus();
}

absl::StatusOr<Fd> HttpServer::ListenOnPath() const {
  RETURN_IF_ERROR(CheckSocketPath(socket_path_, "its address"));
  ASSIGN_OR_RETURN(Fd socket, ListenStream(socket_path_));
  if (lchown(socket_path_.c_str(), options_.uid, options_.gid) != 0) return ErrnoStatus(errno, "set its owner");
  return socket;
}

HttpServer::~HttpServer() {
  if (listener_ != nullptr) {
    loop_->RunAndWait([this] {
      connections_.clear();
      listener_ = nullptr;
    });
  }
  loop_ = nullptr;
  if (!socket_path_.empty()) unlink(socket_path_.c_str());
}

void HttpServer::OnAccepted(Fd socket) {
  if (connections_.size() >= options_.most_connections) MakeRoom();
  connections_.push_back(
      std::make_unique<HttpConnection>(loop_.get(), std::move(socket), &options_, &pages_, &trees_,
                                       [this](const HttpConnection* connection) { OnClosed(connection); }));
}

void HttpServer::OnClosed(const HttpConnection* connection) {
  connections_.remove_if([connection](const auto& each) { return each.get() == connection; });
}

void HttpServer::MakeRoom() {
  const auto before = [](const std::unique_ptr<HttpConnection>& a, const std::unique_ptr<HttpConnection>& b) {
    return a->answering() != b->answering() ? b->answering() : a->since() < b->since();
  };
  connections_.erase(std::min_element(connections_.begin(), connections_.end(), before));
}

}  // namespace crisp
