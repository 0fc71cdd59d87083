// StreamContext: what all streaming sessions share. The StreamServer owns it.
#pragma once

#include <chrono>

#include "base/worker_pool.h"
#include "streaming/stream_loop.h"
#include "streaming/stream_pump.h"
#include "streaming/stream_target.h"
#include "streaming/streaming_counters.h"

namespace crisp {

struct StreamContext {
  StreamLoop* loop = nullptr;
  WorkerPool* calls = nullptr;
  BlockPool* blocks = nullptr;
  StreamTarget* target = nullptr;
  StreamingCounters* counters = nullptr;
  StreamKindCounters* kind = nullptr;  // of these, those of the session's kind; null before there is a session
  // Limit for the client to send its request, from its connection on.
  std::chrono::nanoseconds request_patience = std::chrono::seconds(10);
  // Limit for the client to open its streams.
  std::chrono::nanoseconds patience = std::chrono::seconds(30);
  // Limit for the client's machine to acknowledge what is sent to it.
  std::chrono::nanoseconds silence = std::chrono::seconds(20);
  // Limit for a port of a pod to accept a connection.
  std::chrono::nanoseconds dial_patience = std::chrono::seconds(20);
};

}  // namespace crisp
