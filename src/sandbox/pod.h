// Pod: one pod sandbox, its containers, the daemon's connection to its shim, and its place in its life.
//
//   kCreating ──▶ kReady ──▶ kEnded ──▶ kStopping ──▶ kStopped ──▶ kRemoving ──▶ kRemoved
//       │            └─────────────────────▲                                        ▲
//       └──────▶ kUndoing ──▶ kLeftover ──────────────────────────────────────────▶─┘
//
//   kCreating   RunPodSandbox is at work. Clients do not see the pod.
//   kUndoing    RunPodSandbox has failed, or the pause container or the shim has ended before it was done. Clients do
//               not see the pod while what it has on the node is removed.
//   kLeftover   That removal has failed. Clients see the pod as NOTREADY, so that the kubelet stops and removes it; so
//               do the next RunPodSandbox of its name and the next start of the daemon.
//   kReady      The pause container and the shim run. The only state that clients see as READY, and in which
//               containers can be created and started.
//   kEnded      The pause container or the shim has died.
//   kStopping   StopPodSandbox was called and is not finished.
//   kStopped    No process of it runs and its network is gone.
//   kRemoving   What it has on the node is being removed. Clients still see it.
//   kRemoved    Nothing is left. Somebody may still hold the object.
//
// Ownership: shared; PodTable holds it until it is removed, and it holds its containers and the shim.
// Threading: all methods from any thread. The lock is held for no longer than a copy. The shim's messages arrive on the
// reactor's thread; the listener must not block it.
#pragma once

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "runtime/oci_runtime.h"
#include "runtime/shim.h"
#include "sandbox/container_set.h"
#include "sandbox/gate.h"
#include "sandbox/phase.h"
#include "sandbox/record.pb.h"
#include "sandbox/shim_slot.h"

namespace crisp {

// Learns what becomes of the processes of pods. Called on the reactor's thread with no lock held; must not block.
class PodListener {
 public:
  virtual ~PodListener() = default;
  // The container has moved to kExited already, unless its start is still unanswered.
  virtual void OnContainerExited(const std::string& pod_id, const std::shared_ptr<Container>& container) = 0;
  // As ShimListener::OnOomKill. Its first process may go on.
  virtual void OnOomKill(const std::string& pod_id, const std::shared_ptr<Container>& container, uint64_t kills) = 0;
  // Output of the container begins to be lost, or its log can be written again.
  virtual void OnLogLoss(const std::string& pod_id, const std::shared_ptr<Container>& container,
                         const LogLoss& loss) = 0;
  // The pod has moved to kEnded or kUndoing already.
  virtual void OnPauseExited(const std::string& pod_id, const ContainerExit& exit) = 0;
  virtual void OnShimDied(const std::string& pod_id) = 0;
};

class Pod : public ShimListener {
 public:
  enum class State { kCreating, kUndoing, kLeftover, kReady, kEnded, kStopping, kStopped, kRemoving, kRemoved };

  // `listener` outlives the shim's connection.
  Pod(PodRecord record, OciRuntime runtime, PodListener* listener, State state = State::kCreating);

  const std::string& id() const { return id_; }
  const OciRuntime& runtime() const { return runtime_; }

  // Admits one operation at a time: an update, a stop, a removal.
  Gate gate;
  // Held while the shim is ended and what it leaves is cleaned up: StopPodSandbox and the death of a shim can meet.
  Gate shim_gate;
  ShimSlot shim;
  ContainerSet containers;

  PodRecord record() const;
  // Reads the record without a copy. `read` must not block.
  void WithRecord(absl::FunctionRef<void(const PodRecord&)> read) const;
  // Changes the record in place and returns a copy of it. `change` must not block.
  PodRecord UpdateRecord(absl::FunctionRef<void(PodRecord*)> change);

  State state() const;
  bool ready() const { return state() == State::kReady; }
  // Clients see it.
  bool visible() const;
  // Moves to `next`. False, and nothing changes, if the diagram has no such move from the present state.
  bool MoveTo(State next);
  // The pause container or the shim has died: kCreating becomes kUndoing, kReady becomes kEnded.
  void MarkEnded();

  // FailedPrecondition unless the pod is READY.
  absl::Status AddContainer(std::shared_ptr<Container> container);

  void OnExit(absl::string_view container_id, const ContainerExit& exit) override;
  void OnOomKill(absl::string_view container_id, uint64_t kills) override;
  void OnLogLoss(absl::string_view container_id, const LogLoss& loss) override;
  void OnShimGone() override;

 private:
  const std::string id_;
  const OciRuntime runtime_;
  PodListener* const listener_;

  mutable Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_);
  PodRecord record_ ABSL_GUARDED_BY(mutex_);
};

// The phase that the row of a pod in this state has.
Phase PhaseOf(Pod::State state);

}  // namespace crisp
