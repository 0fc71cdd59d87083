// Registry: a docker-registry on 127.0.0.1 that serves a store in the file system.
#pragma once

#include <string>

#include "e2e/daemon_process.h"

namespace crisp::e2e {

class Registry {
 public:
  // Returns when it accepts connections. `directory` takes its configuration and log. Throws std::runtime_error if it
  // does not come up within 20 s.
  Registry(const std::string& directory, const std::string& store, int port, bool read_only);

  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  void Stop() { process_.Kill(); }
  // Its log so far: one line a request.
  std::string Log() const;

 private:
  int port_;
  std::string log_;
  DaemonProcess process_;
};

}  // namespace crisp::e2e
