// Upgrader: replaces the program of a running shim, in place (shim/protocol.h, Upgrade).
//
//   1. ask:    the new program runs once beside the shim and says whether it takes a state of this version
//   2. wait:   no request is received until nothing is under way that the state does not have (shim/state.h); what is
//              sent meanwhile waits in the sockets. After kQuietNanos the shim goes on as it was
//   3. exec:   the state is sealed in a memfd, its descriptors are kept, and execveat(2) runs the new program
//   4. resume: the new program reads the state and answers the request. If it cannot read it, it runs the old program
//              again, which can
//
// The process stays the same: its pid, children, cgroup, limits, signal mask and descriptors. What happens meanwhile
// waits in the kernel: output in pipes, packets in sockets, ends of children as zombies. Until the execveat(2) has
// succeeded the shim is what it was.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "shim/children.h"
#include "shim/connections.h"
#include "shim/context.h"
#include "shim/loop.h"
#include "shim/state.h"

namespace crisp::shim {

class Upgrader {
 public:
  static constexpr int64_t kAskNanos = 3'000'000'000;
  static constexpr int64_t kQuietNanos = 2'000'000'000;

  struct Parts {
    std::function<std::string()> busy;  // what is under way; empty if the state can be saved
    std::function<ShimState(const ConnectionRef& asked_by, uint64_t request)> save;
    std::vector<std::string> command;  // the shim's own command line, without what belongs to an upgrade
  };

  Upgrader(Context context, Connections& connections, Parts parts);
  ~Upgrader();
  Upgrader(const Upgrader&) = delete;
  Upgrader& operator=(const Upgrader&) = delete;

  // Begins to replace the shim's program by the file `program`. The new program answers the request; after a failure
  // this one does.
  void Begin(const ConnectionRef& client, uint64_t request, const std::string& program);

 private:
  struct Asked {
    ConnectionRef client;
    uint64_t request;
    std::string program;
    Fd file;  // the program, which is so the same for step 1 and step 3
  };

  void Ask();
  void OnAnswer(int code);
  void AwaitRest();
  void OnRest();
  void StopWaiting(ErrorCode code, const std::string& text);
  int Exec();
  void Fail(ErrorCode code, const std::string& text);

  Context context_;
  Connections& connections_;
  Parts parts_;
  std::optional<Asked> asked_;
  pid_t pid_ = -1;  // of the program that is asked
  Fd answer_;
  bool waiting_ = false;
  std::string busy_;  // what it waits for
  Loop::Timer patience_ = 0;
};

// The arguments of a program that takes a state over.
inline constexpr char kTakesState[] = "--takes-state";  // VERSION: prints TakesStateAnswer, or ends with an error
inline constexpr char kResume[] = "--resume";           // DESCRIPTOR of the state
inline constexpr char kPrevious[] = "--previous";       // DESCRIPTOR of the program that wrote it

// What a program prints that takes a state of this version. A program that only succeeds does not mean it.
std::string TakesStateAnswer(uint32_t version);

// Runs the program that is open as `file`, with this one's environment. Returns an errno value if that fails.
int RunInPlace(int file, const std::vector<std::string>& command);

}  // namespace crisp::shim
