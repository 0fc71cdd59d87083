// ConsoleSocket: where the OCI runtime leaves the master of the terminal that it has made for a process (runc(8),
// --console-socket; runc's docs/terminals.md, "detached").
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
  // For the runtime's command line; empty if it does not listen. Short, however long the directory's name is: an
  // address has 108 bytes (unix(7)).
  std::string path() const;

  // After the runtime has ended, which has sent the master before: it, non-blocking; invalid if none has come. Then the
  // socket is gone.
  Fd TakeMaster();
  // Nothing is waited for any more.
  void Close();

 private:
  Fd directory_;
  Fd listener_;
  std::string name_;
};

}  // namespace crisp::shim
