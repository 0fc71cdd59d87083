// Container: one container of a pod, its record, and its place in its life.
//
//   kCreating ──▶ kCreated ──▶ kStarting ──▶ kRunning ──▶ kExited
//       │             │            └──────────────────────▶ │
//       ▼             └────────▶ kRemoving ◀────────────────┘
//   kAborted ─────────▶ kRemoved ◀──┘
//
//   kCreating   CreateContainer is at work. Clients do not see the container.
//   kAborted    CreateContainer has failed. Clients do not see what is left until it is removed.
//   kStarting   The shim has been asked to start it. Clients see CREATED. It stays here if the outcome is unknown
//               (the shim did not answer in time), until StartContainer, StopContainer or a removal asks the shim.
//   kRunning    Its first process runs.
//   kExited     The first process has ended, the start has failed, or the shim has died.
//   kRemoving   Nothing of it runs; what it has on the node is being removed. Clients still see it.
//   kRemoved    Nothing is left. Somebody may still hold the object.
//
// An exit can arrive before the answer to the start. It is kept, and the container goes from kStarting through kRunning
// to kExited when the answer comes, so that clients never see an end without a start.
//
// Ownership: shared; the pod holds it until it is removed.
// Threading: all methods from any thread. One lock, held for no longer than a copy, so that List and Status never wait
// behind a slow operation. Operations that wait hold `gate`.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "base/call_context.h"
#include "base/mutex.h"
#include "runtime/shim.h"
#include "sandbox/gate.h"
#include "sandbox/log_loss_slot.h"
#include "sandbox/phase.h"
#include "sandbox/record.pb.h"

namespace crisp {

// What clients see of a container at one moment.
struct ContainerView {
  cri::ContainerState state = cri::CONTAINER_CREATED;
  pid_t pid = -1;           // of the first process while it runs, else -1; unknown is -1 too
  int64_t started_at = 0;   // wall-clock nanoseconds; 0: never
  int64_t finished_at = 0;  // likewise
  int exit_code = 0;
  std::string reason;
  std::string message;
};

class Container {
 public:
  enum class State { kCreating, kAborted, kCreated, kStarting, kRunning, kExited, kRemoving, kRemoved };

  // A container of an earlier daemon begins in kAborted, kCreated or kStarting, or in kExited if its record has an end;
  // moves bring it further.
  explicit Container(ContainerRecord record, State state = State::kCreating);

  const std::string& id() const { return id_; }

  // Admits one operation at a time. A start, an update and a removal hold it.
  Gate gate;
  // Also set after the end: the log may still be behind then.
  LogLossSlot log_loss;
  // Processes that the OOM killer has killed, as the shim has told. Also set after the end.
  std::atomic<uint64_t> oom_kills{0};

  ContainerRecord record() const;
  // Reads the record without a copy. `read` must not block.
  void WithRecord(absl::FunctionRef<void(const ContainerRecord&)> read) const;
  // Changes the record in place and returns a copy of it. `change` must not block.
  ContainerRecord UpdateRecord(absl::FunctionRef<void(ContainerRecord*)> change);

  State state() const;
  bool running() const { return state() == State::kRunning; }
  // Clients see it.
  bool visible() const;
  ContainerView view() const;

  // The moves. Each is false, and nothing changes, if the diagram has no such move from the present state.
  // MoveTo serves all states but kRunning and kExited.
  bool MoveTo(State next);
  bool Start(const StartedContainer& started);
  // The first process has ended. In kStarting the exit is kept for Start. Only the first exit counts.
  bool Exit(const ContainerExit& exit);
  // The start failed, or nobody saw how the container ended. The end becomes part of the record.
  bool End(const ContainerRecord::End& end);

  // Returns when it neither starts nor runs. DeadlineExceeded or Cancelled when `call` is over first.
  absl::Status WaitExited(const CallContext& call) const;

 private:
  bool MoveLocked(State next) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string id_;
  mutable Mutex mutex_;
  mutable CondVar changed_;
  State state_ ABSL_GUARDED_BY(mutex_);
  ContainerRecord record_ ABSL_GUARDED_BY(mutex_);
  pid_t pid_ ABSL_GUARDED_BY(mutex_) = -1;
  std::optional<ContainerExit> early_exit_ ABSL_GUARDED_BY(mutex_);  // arrived in kStarting
  std::optional<ContainerRecord::End> end_ ABSL_GUARDED_BY(mutex_);  // set by the move to kExited
};

// The phase that the row of a container in this state has.
Phase PhaseOf(Container::State state);

// The reason of an exit in the words that the kubelet knows.
std::string ExitReason(const ContainerExit& exit);

// An end that the daemon decides on, at this moment.
ContainerRecord::End MakeEnd(int exit_code, const std::string& reason, const std::string& message);

inline constexpr char kReasonOomKilled[] = "OOMKilled";
inline constexpr char kReasonStartError[] = "StartError";
inline constexpr char kReasonUnknown[] = "Unknown";
inline constexpr int kExitCodeStartError = 128;
inline constexpr int kExitCodeUnknown = 255;

}  // namespace crisp
