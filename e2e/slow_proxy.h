// SlowProxy: passes TCP connections on to a port of 127.0.0.1, with a bound on the bytes a second that come back.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "os/fd.h"

namespace crisp::e2e {

class SlowProxy {
 public:
  // Listens on 127.0.0.1:`port`, which it passes on to `target`. The bound is for each connection. Throws
  // std::runtime_error.
  SlowProxy(int port, int target, int bytes_per_second);
  ~SlowProxy();
  SlowProxy(const SlowProxy&) = delete;
  SlowProxy& operator=(const SlowProxy&) = delete;

 private:
  void Accept();
  void Serve(const Fd& client) const;
  // False at the end.
  bool Pass(const Fd& from, const Fd& to, size_t most) const;

  const int target_;
  const int bytes_per_second_;
  Fd listener_;
  std::atomic<bool> ending_ = false;
  std::vector<std::thread> connections_;  // the accepting thread's own
  std::thread thread_;
};

}  // namespace crisp::e2e
