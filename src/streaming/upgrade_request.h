// The HTTP request that opens a stream, and the answers before the stream begins. Pure; Boost.Beast parses.
//
//   POST /exec/TOKEN HTTP/1.1                        GET /exec/TOKEN HTTP/1.1
//   Connection: Upgrade                              Connection: Upgrade
//   Upgrade: SPDY/3.1                                Upgrade: websocket
//   X-Stream-Protocol-Version: v4.channel.k8s.io     Sec-WebSocket-Protocol: v5.channel.k8s.io
//
// X-Stream-Protocol-Version may be repeated, and either header may hold a list. The client's first protocol that the
// server knows is chosen.
#pragma once

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

// The first of `offered` that is in `known`; empty if there is none.
std::string ChooseProtocol(const std::vector<std::string>& offered, const std::vector<std::string>& known);

// Complete answers. `headers` are lines, each with its CRLF.
std::string SpdyAnswer(absl::string_view protocol);
std::string ErrorAnswer(int code, absl::string_view reason, absl::string_view text, absl::string_view headers = "");

}  // namespace crisp
