#include "streaming/stream_server.h"

#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/worker_pool.h"
#include "streaming/client_connection.h"
#include "streaming/strangers.h"
#include "streaming/stream_context.h"
#include "streaming/stream_listener.h"
#include "streaming/tls_identity.h"
#include "streaming/token_table.h"

namespace crisp {

class StreamServer::Impl {
 public:
  Impl(const StreamServerOptions& options, StreamTarget* target)
      : address_(options.address.empty() ? "127.0.0.1" : options.address),
        with_tls_(options.tls),
        tokens_(options.now),
        idle_timeout_(options.idle_timeout) {
    context_.calls = &calls_;
    context_.blocks = &blocks_;
    context_.target = target;
    context_.counters = &counters_;
    context_.request_patience = options.request_patience;
    context_.patience = options.patience;
    context_.silence = options.silence;
    context_.dial_patience = options.dial_patience;
  }

  ~Impl() {
    if (loop_ == nullptr) return;
    loop_->RunAndWait([this] {
      listener_ = nullptr;
      connections_.clear();
    });
    // Sessions that were being opened are posted to the loop, which hands them back to the workers to be closed.
    calls_.Wait();
    loop_->RunAndWait([] {});
    calls_.Wait();
  }

  absl::Status Start(const StreamServerOptions& options) {
    if (options.tls) {
      ASSIGN_OR_RETURN(tls_, MakeServerTls(options.certificate_file, options.key_file, address_), "streaming server");
    }
    ASSIGN_OR_RETURN(ListeningSocket socket, ListenTcp(address_, options.port),
                     "stream_server_address and stream_server_port");
    url_ = absl::StrCat(options.tls ? "https://" : "http://", socket.host);
    ASSIGN_OR_RETURN(loop_, StreamLoop::Start());
    context_.loop = loop_.get();
    loop_->RunAndWait([this, &socket] {
      listener_ = std::make_unique<StreamListener>(loop_.get(), std::move(socket.fd),
                                                   [this](Fd client) { OnClient(std::move(client)); });
    });
    return absl::OkStatus();
  }

  absl::StatusOr<Commit> Prepare(const StreamServerOptions& options) {
    auto tls = std::make_shared<SslContext>();
    const bool has_files = with_tls_ && !options.certificate_file.empty();
    if (has_files) {
      ASSIGN_OR_RETURN(*tls, MakeServerTls(options.certificate_file, options.key_file, address_), "streaming server");
    }
    return Commit([this, has_files, tls, timeout = options.idle_timeout] {
      loop_->RunAndWait([&] {
        idle_timeout_ = timeout;
        if (has_files) tls_ = std::move(*tls);
      });
    });
  }

  void Ask(std::function<void()> answer) { loop_->Post(std::move(answer)); }

  absl::StatusOr<std::string> Url(absl::string_view path, StreamTicket ticket) {
    ASSIGN_OR_RETURN(const std::string token, tokens_.Add(std::move(ticket)));
    return absl::StrCat(url_, path, token);
  }

  const StreamingCounters& counters() const { return counters_; }

 private:
  void OnClient(Fd client) {
    if (strangers_.size() >= kMostStrangers) Forget(strangers_.Victim());
    const uint64_t number = next_connection_++;
    strangers_.Add(number, PeerOfSocket(client.get()));
    std::unique_ptr<ByteStream> bytes = tls_ != nullptr ? MakeTlsStream(loop_.get(), std::move(client), tls_.get())
                                                        : MakeTcpStream(loop_.get(), std::move(client));
    // Posted, since the caller is a method of the connection.
    const auto over = [this, number] { loop_->Post([this, number] { Forget(number); }); };
    auto& connection = connections_[number];
    connection = std::make_unique<ClientConnection>(
        context_, &tokens_, idle_timeout_, std::move(bytes), [this, number] { return Admit(number); }, over);
    connection->Start();
  }

  // The connection has shown a token.
  bool Admit(uint64_t number) {
    if (connections_.size() - strangers_.size() >= kMostSessions) return false;
    strangers_.Remove(number);
    return true;
  }

  void Forget(uint64_t number) {
    strangers_.Remove(number);
    connections_.erase(number);
  }

  const std::string address_;
  const bool with_tls_;
  TokenTable tokens_;
  std::string url_;
  BlockPool blocks_;
  StreamingCounters counters_;
  StreamContext context_;
  std::unique_ptr<StreamLoop> loop_;
  WorkerPool calls_{kMostCalls};
  // Used on the loop's thread only, once it runs:
  std::chrono::nanoseconds idle_timeout_;
  SslContext tls_;  // null: none. A connection keeps the one that it began with.
  std::unique_ptr<StreamListener> listener_;
  std::unordered_map<uint64_t, std::unique_ptr<ClientConnection>> connections_;
  uint64_t next_connection_ = 0;
  Strangers strangers_;  // of these
};

StreamServer::StreamServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StreamServer::~StreamServer() = default;

absl::StatusOr<std::unique_ptr<StreamServer>> StreamServer::Start(const StreamServerOptions& options,
                                                                  StreamTarget* target) {
  auto impl = std::make_unique<Impl>(options, target);
  RETURN_IF_ERROR(impl->Start(options));
  return std::unique_ptr<StreamServer>(new StreamServer(std::move(impl)));
}

absl::StatusOr<std::string> StreamServer::ExecUrl(StreamRequest request) {
  return impl_->Url("/exec/", {StreamKind::kExec, std::move(request), "", {}});
}

absl::StatusOr<std::string> StreamServer::AttachUrl(StreamRequest request) {
  return impl_->Url("/attach/", {StreamKind::kAttach, std::move(request), "", {}});
}

absl::StatusOr<std::string> StreamServer::PortForwardUrl(std::string pod_id, std::vector<uint16_t> ports) {
  return impl_->Url("/portforward/", {StreamKind::kPortForward, {}, std::move(pod_id), std::move(ports)});
}

absl::StatusOr<Commit> StreamServer::Prepare(const StreamServerOptions& options) {
  return impl_->Prepare(options);
}

void StreamServer::Ask(std::function<void()> answer) {
  impl_->Ask(std::move(answer));
}

const StreamingCounters& StreamServer::counters() const {
  return impl_->counters();
}

}  // namespace crisp
