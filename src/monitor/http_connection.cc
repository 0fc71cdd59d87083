#include "monitor/http_connection.h"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <utility>

#include "absl/strings/str_cat.h"

namespace crisp {

namespace http = boost::beast::http;

namespace {

std::string HeadOf(const HttpAnswer& answer, bool keep_alive) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(answer.code));
  return absl::StrCat("HTTP/1.1 ", answer.code, " ", std::string(reason), "\r\nContent-Type: ", answer.type,
                      "\r\nContent-Length: ", answer.body.size(),
                      "\r\nConnection: ", keep_alive ? "keep-alive" : "close",
                      answer.code == 405 ? "\r\nAllow: GET, HEAD" : "", "\r\n\r\n");
}

HttpAnswer Error(int code, absl::string_view text) {
  return {code, "text/plain; charset=utf-8", absl::StrCat(text, "\n")};
}

bool HasBody(const http::request<http::empty_body>& request) {
  return request.chunked() || (request.count("Content-Length") > 0 && request["Content-Length"] != "0");
}

}  // namespace

struct HttpConnection::Parser {
  Parser() {
    http.header_limit(kHttpHeadLimit);
    http.skip(true);  // a body: a request that announces one is refused
  }
  http::request_parser<http::empty_body> http;
};

HttpConnection::HttpConnection(StreamLoop* loop, Fd socket, const HttpServerOptions* options, const HttpPages* pages,
                               const HttpTrees* trees, std::function<void(const HttpConnection*)> closed)
    : options_(options),
      pages_(pages),
      trees_(trees),
      closed_(std::move(closed)),
      loop_(loop),
      bytes_(MakeTcpStream(loop, std::move(socket))),
      timer_(loop) {
  timer_.Start(options_->head_time, [this] { Close(); });
  StartRequest();
}

HttpConnection::~HttpConnection() = default;

void HttpConnection::StartRequest() {
  parser_ = std::make_unique<Parser>();
  Advance();
}

void HttpConnection::Read() {
  bytes_->Read(buffer_, sizeof(buffer_), [this](size_t size) { OnRead(size); });
}

void HttpConnection::OnRead(size_t size) {
  if (size == 0) return Close();
  if (idle_) timer_.Start(options_->head_time, [this] { Close(); });
  idle_ = false;
  unparsed_.append(buffer_, size);
  Advance();
}

void HttpConnection::Advance() {
  if (unparsed_.empty()) return Read();
  boost::system::error_code error;
  const size_t used = parser_->http.put(boost::asio::buffer(unparsed_), error);
  unparsed_.erase(0, used);
  if (error == http::error::need_more && unparsed_.size() <= kHttpHeadLimit) return Read();
  if (error) return Send(Error(400, absl::StrCat("not a request: ", error.message())), false, true);
  if (!parser_->http.is_header_done()) return Read();
  Answer();
}

void HttpConnection::Answer() {
  const http::request<http::empty_body>& request = parser_->http.get();
  const bool keep_alive = request.keep_alive();
  if (HasBody(request)) return Send(Error(413, "a request must not have a body"), false, true);
  const bool head = request.method() == http::verb::head;
  if (!head && request.method() != http::verb::get) return Send(Error(405, "only GET and HEAD"), keep_alive, true);
  const std::string target(request.target());
  Send(MakePage(target.substr(0, target.find('?'))), keep_alive, !head);
}

HttpAnswer HttpConnection::MakePage(const std::string& path) const {
  return PageAt(*pages_, *trees_, path);
}

void HttpConnection::Send(HttpAnswer answer, bool keep_alive, bool with_body) {
  answering_ = true;
  since_ = MonoClock::now();
  head_ = HeadOf(answer, keep_alive);
  body_ = with_body ? std::move(answer.body) : "";
  timer_.Start(options_->answer_time, [this] { Close(); });
  bytes_->Write({head_, body_}, [this, keep_alive](bool sent) { OnSent(sent, keep_alive); });
}

void HttpConnection::OnSent(bool sent, bool keep_alive) {
  answering_ = false;
  since_ = MonoClock::now();
  body_ = std::string();  // with its memory
  if (!sent || !keep_alive) return Close();
  idle_ = unparsed_.empty();
  timer_.Start(idle_ ? options_->idle_time : options_->head_time, [this] { Close(); });
  StartRequest();
}

void HttpConnection::Close() {
  timer_.Cancel();
  loop_->Post(alive_, [this] { closed_(this); });
}

}  // namespace crisp
