// ContainerEnd: waits for the end of a container. The kernel tells it by the pid of its first process, where the
// runtime tells that; else the runtime is asked.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "client/runtime_client.h"
#include "os/fd.h"

namespace crisp::client {

class ContainerEnd {
 public:
  ContainerEnd(RuntimeClient* runtime, std::string id);

  // Readable once the process has ended; -1 if nothing tells. A little later the runtime says so too.
  int fd() const { return pidfd_.get(); }
  // Whether the runtime says that it has exited, or does not know it any more.
  bool Reached();
  // Waits for it. Its exit code. NotFound if it was removed meanwhile.
  absl::StatusOr<int> Wait();

 private:
  RuntimeClient* const runtime_;
  const std::string id_;
  Fd pidfd_;
};

}  // namespace crisp::client
