// The HTTP request with which a client asks for a stream, and what is answered before the stream begins. Pure; the
// parser is Boost.Beast's.
//
//   POST /exec/TOKEN HTTP/1.1                        GET /exec/TOKEN HTTP/1.1
//   Connection: Upgrade                              Connection: Upgrade
//   Upgrade: SPDY/3.1                                Upgrade: websocket
//   X-Stream-Protocol-Version: v4.channel.k8s.io     Sec-WebSocket-Protocol: v5.channel.k8s.io
//
// X-Stream-Protocol-Version may come several times, and either header may hold a list; the first protocol that both
// sides know is taken, in the client's order.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// The longest head of a request that is read; more is an error.
inline constexpr size_t kUpgradeRequestLimit = 16 << 10;

struct UpgradeRequest {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;  // as they came

  // All values of the headers of that name, in whichever case it is written, split at commas.
  std::vector<std::string> List(absl::string_view name) const;
  bool Lists(absl::string_view name, absl::string_view item) const;  // item in any case
};

class UpgradeRequestReader {
 public:
  UpgradeRequestReader();
  ~UpgradeRequestReader();

  // Takes bytes. True once the head of the request is whole. InvalidArgument: this is no request that we take.
  absl::StatusOr<bool> Feed(absl::string_view bytes);

  // When it is whole:
  UpgradeRequest TakeRequest();
  // What came after the request.
  std::string TakeRest();

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

enum class UpgradeKind { kNone, kSpdy, kWebSocket };
UpgradeKind KindOf(const UpgradeRequest& request);

// What the client offers: X-Stream-Protocol-Version or Sec-WebSocket-Protocol.
std::vector<std::string> OfferedProtocols(const UpgradeRequest& request, UpgradeKind kind);

// The first of `offered` that is in `known`; empty if there is none.
std::string ChooseProtocol(const std::vector<std::string>& offered, const std::vector<std::string>& known);

// Whole answers. `headers` are lines with their ends.
std::string SpdyAnswer(absl::string_view protocol);
std::string ErrorAnswer(int code, absl::string_view reason, absl::string_view text, absl::string_view headers = "");

}  // namespace crisp
