// The HTTP request that opens a stream, and the answers before the stream begins. Pure; Boost.Beast parses.
//
//   POST /exec/TOKEN HTTP/1.1                        GET /exec/TOKEN HTTP/1.1
//   Connection: Upgrade                              Connection: Upgrade
//   Upgrade: SPDY/3.1                                Upgrade: websocket
//   X-Stream-Protocol-Version: v4.channel.k8s.io     Sec-WebSocket-Protocol: v5.channel.k8s.io
//
// X-Stream-Protocol-Version may be repeated, and either header may hold a list (streaming/stream_protocol.h chooses
// from it). A port-forward over a WebSocket may name its ports in the query: ?port=80&port=443 or ?ports=80,443.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// The limit of a request's head in bytes.
inline constexpr size_t kUpgradeRequestLimit = 16 << 10;

struct UpgradeRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // in the order of the request

  // All values of the headers of that name (in any case), split at commas.
  std::vector<std::string> List(absl::string_view name) const;
  bool Lists(absl::string_view name, absl::string_view item) const;  // item in any case
};

class UpgradeRequestReader {
 public:
  UpgradeRequestReader();
  ~UpgradeRequestReader();

  // True once the head of the request is complete. InvalidArgument if it is not a request for a stream.
  absl::StatusOr<bool> Feed(absl::string_view bytes);

  // Once it is complete:
  UpgradeRequest TakeRequest();
  // The bytes behind the request.
  std::string TakeRest();

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

enum class UpgradeKind { kNone, kSpdy, kWebSocket };
UpgradeKind KindOf(const UpgradeRequest& request);

// The protocols of X-Stream-Protocol-Version or Sec-WebSocket-Protocol.
std::vector<std::string> OfferedProtocols(const UpgradeRequest& request, UpgradeKind kind);

// The ports that the query of `target` names in parameters "port" and "ports", in order. InvalidArgument for what is no
// port.
absl::StatusOr<std::vector<uint16_t>> PortsOf(absl::string_view target);

// Complete answers. `headers` are lines, each with its CRLF.
std::string SpdyAnswer(absl::string_view protocol);
std::string ErrorAnswer(int code, absl::string_view reason, absl::string_view text, absl::string_view headers = "");

}  // namespace crisp
