// ConsoleSocket: a socket through which the OCI runtime passes the master of the terminal that it has made for a
// process (runc(8), --console-socket; runc's docs/terminals.md, "detached").
#pragma once

#include <string>

#include "os/fd.h"

namespace crisp::shim {

class ConsoleSocket {
 public:
  ConsoleSocket() = default;
  ~ConsoleSocket() { Close(); }
  ConsoleSocket(const ConsoleSocket&) = delete;
  ConsoleSocket& operator=(const ConsoleSocket&) = delete;

  // Listens at `name` in `directory`, which only root can enter. 0 or an errno value.
  int Listen(const std::string& directory, std::string name);
  // The path for the runtime's command line; empty if the socket does not listen. It goes through the directory's
  // descriptor, because an address has room for 108 bytes only (unix(7)).
  std::string path() const;

  // The master that the runtime has sent, non-blocking; invalid if it sent none. To be called after the runtime has
  // ended. Removes the socket.
  Fd TakeMaster();
  // Removes the socket.
  void Close();

 private:
  Fd directory_;
  Fd listener_;
  std::string name_;
};

}  // namespace crisp::shim
