// Pod: one pod sandbox, its containers, and the daemon's end of its shim.
//
// Ownership: shared; PodManager's table holds it until it is removed, and it holds its containers and the shim client.
// Threading: one lock, held for no longer than a copy or a look-up. The shim's messages arrive on the reactor's thread
// and do no more than change a container's cell.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "runtime/shim_client.h"
#include "sandbox/container.h"
#include "sandbox/gate.h"
#include "sandbox/record.pb.h"

namespace crisp {

class Pod : public ShimListener {
 public:
  // Called on the reactor's thread, with no lock held.
  struct Hooks {
    std::function<void()> shim_died;  // once, if the shim goes without having been told to
    // The first process of a container has ended; null: that of the pause container.
    std::function<void(const std::shared_ptr<Container>&)> exited;
  };

  Pod(PodRecord record, OciRuntime runtime, Hooks hooks)
      : id_(record.id()), runtime_(std::move(runtime)), hooks_(std::move(hooks)), record_(std::move(record)) {}

  const std::string& id() const { return id_; }
  const OciRuntime& runtime() const { return runtime_; }

  // Stop and Remove.
  Gate gate;
  // The end of the shim, and the clean-up after it: a Stop, and what its death has set off, may meet there.
  Gate shim_gate;
  Meter meter;        // of the pod's cgroup and its interfaces
  Meter pause_meter;  // of the pause container
  ToldEvents told;    // PodManager's, under its lock for that

  PodRecord record() const;
  void set_record(PodRecord record);  // only while it is made, and from inside the gate

  // PodCgroupName of its record, without a copy of that.
  std::string cgroup_name() const;

  // False while RunPodSandbox is still at work: such a pod cannot be seen.
  bool created() const;
  // READY from now on, until set_not_ready, or its pause container or its shim dies. False, and nothing is changed, if
  // one of them has died already.
  bool set_ready();
  void set_not_ready();
  // Not READY, but to be seen: what a failed clean-up or an earlier daemon left.
  void set_created_not_ready();
  bool ready() const;
  // It was never acknowledged, or its removal has begun, and what is left of it could not be cleared away yet.
  void set_half_made();
  bool half_made() const;

  // StopPodSandbox has done all it has to do.
  bool stopped() const;
  void set_stopped();

  // -1 if the pause container does not run.
  pid_t pause_pid() const;
  void set_pause_pid(pid_t pid);

  // Null when there is none, or no longer.
  std::shared_ptr<Shim> shim() const;
  void set_shim(std::shared_ptr<Shim> shim);
  void ForgetShim();

  // FailedPrecondition unless the pod is READY.
  absl::Status AddContainer(std::shared_ptr<Container> container);
  // Of an earlier daemon: whatever the pod's state.
  void AdoptContainer(std::shared_ptr<Container> container);
  void ForgetContainer(const std::string& id);
  bool has(const std::string& container_id) const;
  std::vector<std::shared_ptr<Container>> containers() const;

  void OnExit(absl::string_view container_id, const ContainerExit& exit) override;
  void OnShimGone() override;

 private:
  const std::string id_;
  const OciRuntime runtime_;
  const Hooks hooks_;

  mutable Mutex mutex_;
  PodRecord record_ ABSL_GUARDED_BY(mutex_);
  bool created_ ABSL_GUARDED_BY(mutex_) = false;
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;
  bool half_made_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;  // its pause container or its shim: it is never READY again
  pid_t pause_pid_ ABSL_GUARDED_BY(mutex_) = -1;
  std::shared_ptr<Shim> shim_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<Container>> containers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
