// FakeShims: shims that are objects of the test. They outlive the PodManager that launched them, as real shims outlive
// the daemon. Pause containers are real processes in real cgroups, since their namespaces are pinned; other containers
// are entries of a map.
//
// Thread-safe. Exits are reported on the thread that causes them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/mutex.h"
#include "runtime/shims.h"
#include "sandbox/testing/steps.h"

namespace crisp {

class FakeShims : public Shims {
 public:
  explicit FakeShims(Steps* steps) : steps_(steps) {}
  ~FakeShims() override;

  // The shim of the pod dies; its containers run on, unwatched.
  void Die(const std::string& pod_id);
  // The first process of a container ends by itself.
  void Exit(const std::string& container_id, int exit_code);
  // From now on containers do not end by a stop signal.
  void IgnoreSignals();
  // An exit that is reported while the next Start of the container is not yet answered.
  void ExitDuringNextStart(int exit_code);

  // The build of the crisp-shim that is installed from now on.
  void Install(const std::string& build);
  // The next upgrades, as many as that, find their shim busy.
  void BeBusyForUpgrades(int count);
  // That the pod's shim runs.
  std::string BuildOf(const std::string& pod_id) const;

  bool runs(const std::string& container_id) const;
  // Shims, containers and runtime state that are still there; empty if there is nothing.
  std::string Leftovers() const;

  absl::StatusOr<std::unique_ptr<Shim>> Launch(const std::string& pod_id, const ShimPaths& paths,
                                               ShimListener* listener, const CallContext& call) override;
  absl::StatusOr<std::unique_ptr<Shim>> Connect(const std::string& pod_id, const ShimPaths& paths,
                                                ShimListener* listener, const CallContext& call) override;
  absl::StatusOr<ShimProgram> Program(const std::string& path, const CallContext& call) override;
  absl::Status Kill(const ShimPaths& paths, const CallContext& call) override;
  absl::Status CleanUpContainer(const OciRuntime& runtime, const std::string& container_id,
                                const std::string& cgroups_path, const CallContext& call) override;
  absl::Status RemoveRuntimeState(const OciRuntime& runtime, const std::string& container_id) override;

 private:
  class Client;
  struct OneContainer {
    std::string pod_id;
    std::string exit_path;
    std::string cgroups_path;
    StartedContainer started;
    bool exited = false;
    ContainerExit exit;
  };
  struct OneShim {
    ShimListener* listener = nullptr;  // null while no daemon is connected
    std::string build;
  };

  // The listener of the pod's shim; null if nobody listens.
  ShimListener* EndLocked(OneContainer* container, int exit_code) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveLocked(const std::string& container_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Steps* const steps_;
  mutable Mutex mutex_;
  std::map<std::string, OneShim> shims_ ABSL_GUARDED_BY(mutex_);            // that live, by pod
  std::map<std::string, OneContainer> containers_ ABSL_GUARDED_BY(mutex_);  // by id
  std::string installed_ ABSL_GUARDED_BY(mutex_) = "build 1";
  int busy_ ABSL_GUARDED_BY(mutex_) = 0;
  bool ignore_signals_ ABSL_GUARDED_BY(mutex_) = false;
  int next_exit_code_ ABSL_GUARDED_BY(mutex_) = -1;
};

}  // namespace crisp
