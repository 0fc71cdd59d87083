// Wrappers: scripts in place of runc and of CNI plugins that do what those do, and can be made to stall, to fail or to
// be killed. So a test does something at a moment that otherwise lasts a millisecond.
//
// Commands are named by what is called: "create", "start", "exec", "delete", "kill", "state", "update" of runc; "ADD",
// "DEL" of the plugin kBridge; "last-ADD", "last-DEL" of the plugin kLast. Every call of runc goes through its wrapper.
// A plugin's does once the CNI configuration names it (Node::WriteCniConfig).
#pragma once

#include <sys/types.h>

#include <string>

namespace crisp::e2e {

inline constexpr char kBridge[] = "e2e-bridge";  // bridge
inline constexpr char kLast[] = "e2e-last";      // tuning, which changes nothing

enum class Moment { kBefore, kAfter };

// Tells its scripts by marker files in a directory of its own. Each call holds until Release, for all calls of
// `command` that begin meanwhile.
class Wrappers {
 public:
  // `directory` takes the markers.
  explicit Wrappers(std::string directory) : directory_(std::move(directory)) {}

  void WriteRunc(const std::string& path) const;
  void WritePlugins(const std::string& bin_dir) const;

  // The command stalls before or after it has done its work.
  void Stall(const std::string& command, Moment moment = Moment::kBefore);
  // Waits until a call of `command` stalls and returns the pid of its wrapper.
  pid_t WaitForStalled(const std::string& command);
  // The command is killed with SIGKILL so long after it was called, if it has not ended.
  void KillAfter(const std::string& command, double seconds);
  // The command prints `output`, exits with `code` and does nothing else.
  void Fail(const std::string& command, const std::string& output, int code);

  // Ends all of the above for `command`, or for every command; a call that stalls goes on.
  void Release(const std::string& command);
  void ReleaseAll();

 private:
  std::string Marker(const std::string& command) const { return directory_ + "/" + command; }

  const std::string directory_;
};

}  // namespace crisp::e2e
