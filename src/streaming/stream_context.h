// What every streaming session uses, and none owns.
#pragma once

#include <chrono>

#include "base/worker_pool.h"
#include "streaming/stream_loop.h"
#include "streaming/stream_pump.h"
#include "streaming/stream_target.h"

namespace crisp {

struct StreamContext {
  StreamLoop* loop = nullptr;
  WorkerPool* calls = nullptr;
  BlockPool* blocks = nullptr;
  StreamTarget* target = nullptr;
  // How long a client may take for its request, and then to open its streams.
  std::chrono::nanoseconds patience = std::chrono::seconds(30);
  // How long a client's machine may leave unanswered what is sent to it.
  std::chrono::nanoseconds silence = std::chrono::seconds(20);
  // How long a port of a pod may take to accept.
  std::chrono::nanoseconds dial_patience = std::chrono::seconds(20);
};

}  // namespace crisp
