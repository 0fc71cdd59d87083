// Container: one container of a pod, and the cell that says where it is in its life.
//
//   CREATED ── Started ──▶ RUNNING ── Exited ──▶ EXITED
//      └───────────────── Ended ──────────────────┘        (never started, or its shim died)
//
// Ownership: shared; the pod's table holds it until it is removed. Threading: the record and the ids never change; the
// cell has a lock of its own, held for no longer than a copy, so that List and Status never wait behind a slow
// operation. Transitions that wait go through `gate`.
#pragma once

#include <optional>
#include <string>

#include "api/cri/cri.h"
#include "base/call.h"
#include "base/mutex.h"
#include "runtime/shim_client.h"
#include "sandbox/events.h"
#include "sandbox/gate.h"
#include "sandbox/meter.h"
#include "sandbox/record.pb.h"

namespace crisp {

// What can be seen of a container at one moment.
struct ContainerView {
  cri::ContainerState state = cri::CONTAINER_CREATED;
  pid_t pid = -1;
  int64_t started_at = 0;
  int64_t finished_at = 0;
  int exit_code = 0;
  std::string reason;
  std::string message;
};

class Container {
 public:
  explicit Container(ContainerRecord record) : id_(record.id()), pod_id_(record.pod_id()), record_(std::move(record)) {}

  const std::string& id() const { return id_; }
  const std::string& pod_id() const { return pod_id_; }

  Gate gate;
  Meter meter;
  ToldEvents told;  // PodManager's, under its lock for that

  // A copy of the record as it is now.
  ContainerRecord record() const;
  // Replaces it. Only from inside the gate.
  void set_record(ContainerRecord record);

  ContainerView view() const;
  bool running() const { return view().state == cri::CONTAINER_RUNNING; }

  // True once CreateContainer has succeeded: only then the container can be seen.
  bool created() const;
  void set_created();

  void Started(const StartedContainer& started);
  // May come before Started, when a process lives for a moment only: nobody sees EXITED until both are known.
  void Exited(const ContainerExit& exit);
  // The end is of the record, not of a shim.
  void Ended(const ContainerRecord::End& end);
  // Ends it, if it runs, in a way that nobody saw. Returns the record with that end, to be kept; nothing if it does not
  // run.
  // Returns the record with them.
  ContainerRecord SetUpdatedResources(const cri::LinuxContainerResources& limits);
  std::optional<ContainerRecord> Lost(const ContainerRecord::End& end);

  // Waits until it has exited. DeadlineExceeded or Cancelled when `call` is over.
  absl::Status WaitExited(const Call& call);

 private:
  ContainerView ViewLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string id_;
  const std::string pod_id_;
  mutable Mutex mutex_;
  CondVar changed_;
  ContainerRecord record_ ABSL_GUARDED_BY(mutex_);
  bool created_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<StartedContainer> started_ ABSL_GUARDED_BY(mutex_);
  std::optional<ContainerExit> exit_ ABSL_GUARDED_BY(mutex_);
  std::optional<ContainerRecord::End> end_ ABSL_GUARDED_BY(mutex_);
};

// Why it ended, in the words that the kubelet knows.
std::string ExitReason(const ContainerExit& exit);

inline constexpr char kReasonStartError[] = "StartError";
inline constexpr char kReasonUnknown[] = "Unknown";
inline constexpr int kExitCodeStartError = 128;
inline constexpr int kExitCodeUnknown = 255;

}  // namespace crisp
