#include "client/stream_client.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <csignal>
#include <deque>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "client/detach_keys.h"
#include "client/terminal.h"
#include "os/fd.h"

namespace crisp::client {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

constexpr char kProtocols[] = "v5.channel.k8s.io, v4.channel.k8s.io";
constexpr char kInput = 0, kOutput = 1, kErrorOutput = 2, kResult = 3, kResize = 4;
constexpr char kClose = '\xff';
constexpr size_t kPart = 32 << 10;

struct Address {
  std::string host, port, path;
};

absl::StatusOr<Address> AddressOf(absl::string_view url) {
  absl::string_view rest = url;
  if (!absl::ConsumePrefix(&rest, "http://")) {
    return absl::UnimplementedError(absl::StrCat("the runtime streams at ", url.substr(0, url.find('?')),
                                                 ", and crisp streams over plain HTTP only; turn off "
                                                 "enable_tls_streaming, or use kubectl exec"));
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  const absl::string_view authority = rest.substr(0, slash);
  const size_t colon = authority.rfind(':');
  Address address;
  address.path = std::string(rest.substr(slash));
  address.host = std::string(authority.substr(0, colon));
  address.port = colon == absl::string_view::npos ? "80" : std::string(authority.substr(colon + 1));
  if (absl::StartsWith(address.host, "[")) address.host = address.host.substr(1, address.host.size() - 2);
  return address;
}

// The exit code in the status that ends a stream, or the error.
absl::StatusOr<int> ExitCodeOf(const std::string& text) {
  const nlohmann::json status = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!status.is_object()) return absl::InternalError(text);
  if (status.value("status", "") == "Success") return 0;
  if (status.value("reason", "") == "NonZeroExitCode" && status.contains("details")) {
    for (const nlohmann::json& cause : status["details"].value("causes", nlohmann::json::array())) {
      int code = 0;
      if (cause.value("reason", "") == "ExitCode" && absl::SimpleAtoi(cause.value("message", ""), &code)) return code;
    }
  }
  return absl::InternalError(status.value("message", text));
}

void WriteTo(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;  // nobody reads it any more
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

class Stream {
 public:
  Stream(const StreamOptions& options, DetachKeys keys)
      : options_(options), keys_(std::move(keys)), socket_(context_), input_(context_), resized_(context_) {}

  absl::Status Connect(const Address& address) {
    error_code error;
    const auto places = asio::ip::tcp::resolver(context_).resolve(address.host, address.port, error);
    const std::string where = absl::StrCat(address.host, ":", address.port);
    if (!error) connect(socket_.next_layer(), places.begin(), places.end());
    if (!socket_.next_layer().is_open() || error) {
      return absl::UnavailableError(absl::StrCat("connect to the runtime's streaming server ", where));
    }
    socket_.next_layer().set_option(asio::ip::tcp::no_delay(true), error);
    socket_.set_option(websocket::stream_base::decorator(
        [](websocket::request_type& request) { request.set(beast::http::field::sec_websocket_protocol, kProtocols); }));
    websocket::response_type answer;
    socket_.handshake(answer, where, address.path, error);
    if (error) {
      return absl::UnavailableError(absl::StrCat("the streaming server ", where, " refuses: ", error.message(), " ",
                                                 std::string(answer.reason()), " ", answer.body()));
    }
    socket_.binary(true);
    socket_.read_message_max(0);
    const auto chosen = answer[beast::http::field::sec_websocket_protocol];
    can_close_input_ = absl::string_view(chosen.data(), chosen.size()) == "v5.channel.k8s.io";
    return absl::OkStatus();
  }

  absl::StatusOr<StreamEnd> Run() {
    if (options_.terminal) SendSizes();
    BeginInput();
    ReadMessage();
    context_.run();
    StreamEnd end;
    end.detached = detached_;
    if (!result_.empty()) {
      ASSIGN_OR_RETURN(end.exit_code, ExitCodeOf(result_));
    }
    return end;
  }

 private:
  static void connect(asio::ip::tcp::socket& socket, asio::ip::tcp::resolver::iterator at,
                      const asio::ip::tcp::resolver::iterator& end) {
    for (; at != end; ++at) {
      error_code error;
      socket.close(error);
      socket.connect(*at, error);
      if (!error) return;
    }
    error_code ignored;
    socket.close(ignored);
  }

  void ReadMessage() {
    socket_.async_read(received_, [this](error_code error, size_t) {
      if (error) return Finish();
      const auto data = received_.cdata();
      OnMessage(absl::string_view(static_cast<const char*>(data.data()), data.size()));
      received_.consume(received_.size());
      ReadMessage();
    });
  }

  void OnMessage(absl::string_view message) {
    if (message.empty()) return;
    const char channel = message[0];
    message.remove_prefix(1);
    if (channel == kOutput) WriteTo(options_.output, message);
    if (channel == kErrorOutput) WriteTo(options_.error_output, message);
    if (channel == kResult) absl::StrAppend(&result_, message);
  }

  // Of the input asio waits for an epoll descriptor only: it would make a terminal non-blocking that others share.
  void BeginInput() {
    if (options_.input < 0) return;
    epoll_event event{};
    event.events = EPOLLIN;
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    pollable_ = epoll_ctl(epoll, EPOLL_CTL_ADD, options_.input, &event) == 0;  // files are not
    input_.assign(epoll);
    AwaitInput();
  }

  void AwaitInput() {
    if (!pollable_) return asio::post(context_, [this] { ReadInput(); });
    input_.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code error) {
      if (!error) ReadInput();
    });
  }

  void ReadInput() {
    std::array<char, kPart> part;
    const ssize_t count = read(options_.input, part.data(), part.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return AwaitInput();
    if (count <= 0) {
      if (can_close_input_) Send(std::string({kClose, kInput}), nullptr);
      return;
    }
    std::string typed(part.data(), static_cast<size_t>(count));
    if (options_.terminal) {
      DetachKeys::Result result = keys_.Feed(typed);
      if (result.detached) return Detach();
      typed = std::move(result.pass);
    }
    Send(absl::StrCat(std::string(1, kInput), typed), [this] { AwaitInput(); });
  }

  void Detach() {
    detached_ = true;
    Finish();
  }

  void Finish() {
    error_code ignored;
    input_.close(ignored);
    resized_.cancel(ignored);
    socket_.next_layer().close(ignored);
  }

  void SendSizes() {
    if (options_.redraw) SendSize(1);
    SendSize(0);
    resized_.add(SIGWINCH);
    AwaitResize();
  }

  void AwaitResize() {
    resized_.async_wait([this](error_code error, int) {
      if (error) return;
      SendSize(0);
      AwaitResize();
    });
  }

  void SendSize(int less) {
    const std::optional<TerminalSize> size = SizeOf(options_.input);
    if (!size) return;
    Send(absl::StrCat(std::string(1, kResize), "{\"Width\":", size->columns - less, ",\"Height\":", size->rows, "}"),
         nullptr);
  }

  void Send(std::string message, std::function<void()> sent) {
    sending_.push_back({std::move(message), std::move(sent)});
    if (sending_.size() == 1) WriteNext();
  }

  void WriteNext() {
    socket_.async_write(asio::buffer(sending_.front().bytes), [this](error_code error, size_t) {
      if (error) return;  // the read ends too, and with it the stream
      const std::function<void()> sent = std::move(sending_.front().sent);
      sending_.pop_front();
      if (!sending_.empty()) WriteNext();
      if (sent) sent();  // may send more
    });
  }

  struct Message {
    std::string bytes;
    std::function<void()> sent;
  };

  const StreamOptions options_;
  DetachKeys keys_;
  asio::io_context context_;
  websocket::stream<asio::ip::tcp::socket, false> socket_;
  asio::posix::stream_descriptor input_;
  asio::signal_set resized_;
  beast::flat_buffer received_;
  std::deque<Message> sending_;
  std::string result_;
  bool pollable_ = false;
  bool can_close_input_ = false;
  bool detached_ = false;
};

}  // namespace

absl::StatusOr<StreamEnd> RunStream(const std::string& url, const StreamOptions& options) {
  ASSIGN_OR_RETURN(const Address address, AddressOf(url));
  ASSIGN_OR_RETURN(DetachKeys keys, DetachKeys::Parse(options.detach_keys), "--detach-keys");
  Stream stream(options, std::move(keys));
  RETURN_IF_ERROR(stream.Connect(address));
  return stream.Run();
}

}  // namespace crisp::client
