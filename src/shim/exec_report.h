// ExecReport: what the exec helper (src/exec_helper) tells the shim, one a packet. A packet of kFailed may have a text
// behind it: the path or the name that the step was about. The kernel tells the shim with each packet who sent it
// (SO_PASSCRED), so the helper does not have to know its own pid outside of the container.
//
// The socket's end without kFailed, after kReady, means that the command runs: execve(2) has closed the last
// descriptor.
#pragma once

#include <cstddef>
#include <cstdint>

namespace crisp::shim {

struct ExecReport {
  enum Kind : uint32_t {
    kStarted = 1,   // by the process that becomes the command, first of all
    kTerminal = 2,  // likewise; the terminal's master comes with it
    kReady = 3,     // likewise; only what its own filter may keep it from reporting can fail now
    kFailed = 4,    // by that process or its parent
  };
  // What failed, roughly in the order of the steps.
  enum Step : uint32_t {
    kNone = 0,
    kPlan,
    kOomScore,
    kLimits,
    kNamespaces,
    kFork,
    kCgroup,
    kSession,
    kKeyring,
    kTerminalStep,
    kNoNewPrivileges,
    kSeccomp,
    kWorkingDirectory,  // the text is the directory
    kDirectoryOutside,
    kStdio,
    kUser,
    kCapabilities,
    kFind,  // this and the next three: the text is the command
    kNotInPath,
    kNotExecutable,
    kRelativeToPath,
  };

  uint32_t kind = 0;
  uint32_t step = kNone;
  int32_t error = 0;  // an errno value
};

inline constexpr size_t kMaxExecReportText = 1024;  // a longer one is cut

}  // namespace crisp::shim
