// TokenTable: the tokens of streams that were requested and not opened yet. A token is good once and for a minute.
//
// The token is the only protection of a stream, since anybody who reaches the port may present one: 128 random bits of
// the kernel, base64url. Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "streaming/stream_target.h"

namespace crisp {

enum class StreamKind { kExec, kAttach, kPortForward };

// What a token opens.
struct StreamTicket {
  StreamKind kind = StreamKind::kExec;
  StreamRequest request;  // exec and attach
  std::string pod_id;     // port-forward
  // Port-forward over the channels of a WebSocket: the ports that the request for the token named.
  std::vector<uint16_t> ports;
};

class TokenTable {
 public:
  static constexpr std::chrono::seconds kLifetime{60};
  static constexpr size_t kMostTokens = 1000;

  // `now` replaces the clock in tests.
  explicit TokenTable(std::function<MonoTime()> now = MonoClock::now) : now_(std::move(now)) {}

  // ResourceExhausted if too many tokens are unused.
  absl::StatusOr<std::string> Add(StreamTicket ticket);

  // The ticket of a token that is known, not expired and of this `kind`. The token is used up in any case.
  std::optional<StreamTicket> Redeem(StreamKind kind, const std::string& token);

 private:
  struct Issued {
    std::string token;
    MonoTime expires;
    StreamTicket ticket;
  };
  void DropOld() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<MonoTime()> now_;
  Mutex mutex_;
  std::list<Issued> issued_ ABSL_GUARDED_BY(mutex_);  // oldest first
  std::unordered_map<std::string, std::list<Issued>::iterator> by_token_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
