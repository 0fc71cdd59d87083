// StreamingCounters: the sessions of exec, attach and port-forward. StreamServer owns it.
#pragma once

#include <array>

#include "base/counters.h"

namespace crisp {

// Those of one kind of session.
struct StreamKindCounters {
  struct Sessions {
    Counter opened;
    Counter closed;
  };
  CountsByLabel<Sessions> sessions{{}, 20};  // by protocol: "spdy", or the WebSocket's; "none" if it names none
  Counter received_bytes;                    // from clients, for processes and ports
  Counter sent_bytes;                        // to clients
};

struct StreamingCounters {
  std::array<StreamKindCounters, 3> kinds;  // by StreamKind
  Counter refused_tokens;
};

// A session that is open as long as the object exists.
class OpenSession {
 public:
  explicit OpenSession(StreamKindCounters::Sessions* sessions) : sessions_(sessions) { sessions_->opened.Add(); }
  ~OpenSession() { sessions_->closed.Add(); }
  OpenSession(const OpenSession&) = delete;
  OpenSession& operator=(const OpenSession&) = delete;

 private:
  StreamKindCounters::Sessions* const sessions_;
};

}  // namespace crisp
