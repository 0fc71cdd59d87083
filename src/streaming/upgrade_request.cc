#include "streaming/upgrade_request.h"

#include <algorithm>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace crisp {

namespace http = boost::beast::http;

namespace {

// The one character that needs decoding in a list of numbers.
std::string WithCommas(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"%2C", ","}, {"%2c", ","}});
}

std::optional<uint16_t> ParsePort(absl::string_view text) {
  const bool digits = !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  uint32_t port = 0;
  if (!digits || !absl::SimpleAtoi(text, &port) || port < 1 || port > UINT16_MAX) return std::nullopt;
  return static_cast<uint16_t>(port);
}

}  // namespace

std::vector<std::string> UpgradeRequest::List(absl::string_view name) const {
  std::vector<std::string> items;
  for (const auto& [header, value] : headers) {
    if (!absl::EqualsIgnoreCase(header, name)) continue;
    for (const absl::string_view item : absl::StrSplit(value, ',')) {
      const absl::string_view text = absl::StripAsciiWhitespace(item);
      if (!text.empty()) items.emplace_back(text);
    }
  }
  return items;
}

bool UpgradeRequest::Lists(absl::string_view name, absl::string_view item) const {
  const auto items = List(name);
  return std::any_of(items.begin(), items.end(), [&](const auto& i) { return absl::EqualsIgnoreCase(i, item); });
}

struct UpgradeRequestReader::Parser {
  http::request_parser<http::empty_body> http;
  std::string unparsed;
};

UpgradeRequestReader::UpgradeRequestReader() : parser_(std::make_unique<Parser>()) {
  parser_->http.header_limit(kUpgradeRequestLimit);
  // The parser must not read a body. A request that announces one is refused below.
  parser_->http.skip(true);
}

UpgradeRequestReader::~UpgradeRequestReader() = default;

absl::StatusOr<bool> UpgradeRequestReader::Feed(absl::string_view bytes) {
  Parser& parser = *parser_;
  parser.unparsed.append(bytes.data(), bytes.size());
  boost::system::error_code error;
  const size_t used = parser.http.put(boost::asio::buffer(parser.unparsed), error);
  parser.unparsed.erase(0, used);
  if (error == http::error::need_more) {
    if (parser.unparsed.size() > kUpgradeRequestLimit) return absl::InvalidArgumentError("the request is too long");
    return false;
  }
  if (error) return absl::InvalidArgumentError(absl::StrCat("not an HTTP request: ", error.message()));
  if (!parser.http.is_header_done()) return false;
  const auto& request = parser.http.get();
  if (request.version() != 11) return absl::InvalidArgumentError("the request is not HTTP/1.1");
  if (request.chunked() || (request.count("Content-Length") > 0 && request["Content-Length"] != "0")) {
    return absl::InvalidArgumentError("a request for a stream has no body");
  }
  return true;
}

UpgradeRequest UpgradeRequestReader::TakeRequest() {
  UpgradeRequest request;
  const auto message = parser_->http.release();
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  return request;
}

std::string UpgradeRequestReader::TakeRest() {
  return std::move(parser_->unparsed);
}

UpgradeKind KindOf(const UpgradeRequest& request) {
  if (!request.Lists("Connection", "upgrade")) return UpgradeKind::kNone;
  if (request.Lists("Upgrade", "websocket")) return UpgradeKind::kWebSocket;
  if (request.Lists("Upgrade", "SPDY/3.1")) return UpgradeKind::kSpdy;
  return UpgradeKind::kNone;
}

std::vector<std::string> OfferedProtocols(const UpgradeRequest& request, UpgradeKind kind) {
  return request.List(kind == UpgradeKind::kWebSocket ? "Sec-WebSocket-Protocol" : "X-Stream-Protocol-Version");
}

absl::StatusOr<std::vector<uint16_t>> PortsOf(absl::string_view target) {
  std::vector<uint16_t> ports;
  const size_t mark = target.find('?');
  if (mark == absl::string_view::npos) return ports;
  for (const absl::string_view parameter : absl::StrSplit(target.substr(mark + 1), '&')) {
    const std::pair<absl::string_view, absl::string_view> pair = absl::StrSplit(parameter, absl::MaxSplits('=', 1));
    if (pair.first != "port" && pair.first != "ports") continue;
    const std::string values = WithCommas(pair.second);
    for (const absl::string_view text : absl::StrSplit(values, ',')) {
      const auto port = ParsePort(text);
      if (!port.has_value()) {
        return absl::InvalidArgumentError(
            absl::StrCat("query parameter ", pair.first, ": \"", text, "\" is not a port; 1 to 65535 are"));
      }
      ports.push_back(*port);
    }
  }
  return ports;
}

std::string SpdyAnswer(absl::string_view protocol) {
  return absl::StrCat(
      "HTTP/1.1 101 Switching Protocols\r\n"
      "Connection: Upgrade\r\n"
      "Upgrade: SPDY/3.1\r\n"
      "X-Stream-Protocol-Version: ",
      protocol, "\r\n\r\n");
}

std::string ErrorAnswer(int code, absl::string_view reason, absl::string_view text, absl::string_view headers) {
  return absl::StrCat("HTTP/1.1 ", code, " ", reason, "\r\nConnection: close\r\nContent-Type: text/plain\r\n", headers,
                      "Content-Length: ", text.size() + 1, "\r\n\r\n", text, "\n");
}

}  // namespace crisp
