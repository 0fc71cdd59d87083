// How long each thing may take. The kubelet waits 2 minutes for most calls and 4 for RunPodSandbox; what it has given
// up is still going on here, so that its next call finds it done. Nothing goes on for ever.
#pragma once

#include <chrono>

namespace crisp {

inline constexpr std::chrono::minutes kRunPodDeadline{4};
inline constexpr std::chrono::minutes kTransitionDeadline{2};
inline constexpr std::chrono::minutes kUndoDeadline{1};
// After SIGKILL. What lives longer is stuck in the kernel.
inline constexpr std::chrono::seconds kKillDeadline{10};
inline constexpr std::chrono::seconds kShimDeadline{30};
// For a shim to report that an exec has timed out, which includes killing it.
inline constexpr std::chrono::seconds kExecMargin{3};
// For the OCI runtime to write new limits. A container is not stopped meanwhile, so it must not take long.
inline constexpr std::chrono::seconds kUpdateDeadline{10};
inline constexpr std::chrono::seconds kUpdateUndoDeadline{3};
// For a CNI plugin that outlived its daemon to end by itself.
inline constexpr std::chrono::seconds kOrphanGrace{5};
// For the installed crisp-shim to tell its build, and for a shim that runs to become that.
inline constexpr std::chrono::seconds kShimProgramDeadline{10};
inline constexpr std::chrono::seconds kShimUpgradeDeadline{20};
// For a shim that outlived its daemon to answer the next one. One that does not is ended, and its pod with it; on a
// machine that is out of breath it must not be one that only waits for its turn.
inline constexpr std::chrono::seconds kReconnectDeadline{20};

}  // namespace crisp
