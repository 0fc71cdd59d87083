// Steps: counts the calls that the fakes of a test get, and lets one of them fail, hold or end the world.
//
//   const Steps::Step step = steps->Enter("mount rootfs");
//   RETURN_IF_ERROR(step.before);   // a fault before the effect
//   …the effect…
//   return step.after;              // a fault behind the effect: it has happened all the same
//
// Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"

namespace crisp {

class Steps {
 public:
  struct Step {
    absl::Status before;
    absl::Status after;
  };
  enum class Fault {
    kNone,
    kBefore,  // the step fails without an effect
    kAfter,   // the step has its effect and fails
    kFrom,    // this step and all later ones fail without an effect
    kHold,    // the step waits until Release
    kCall,    // the step calls what CallAt was given, and goes on
  };

  Step Enter(const std::string& name);

  // The fault happens at the `number`-th step from now, counted from 1.
  void Plan(Fault fault, int number);
  void CallAt(int number, std::function<void()> call);
  // The same at the next step of that name.
  void CallAt(const std::string& name, std::function<void()> call);
  // kHold at the next step of that name.
  void HoldAt(const std::string& name);
  // From now on every step fails without an effect. The planned step stays reached.
  void FailAll();
  // No more faults. Whoever is held goes on.
  void Heal();

  // How often a step of that name has come.
  int times(const std::string& name) const;
  // True if the planned step has come.
  bool reached() const;
  // Waits up to ten seconds until a step is held, or until EndWait: false then.
  bool WaitHeld();
  // For a thread that takes steps and has taken its last one.
  void EndWait();
  void Release();
  const std::string& planned_name() const { return planned_name_; }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  Fault fault_ ABSL_GUARDED_BY(mutex_) = Fault::kNone;
  int left_ ABSL_GUARDED_BY(mutex_) = 0;  // steps until the planned one
  bool reached_ ABSL_GUARDED_BY(mutex_) = false;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool wait_ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> call_ ABSL_GUARDED_BY(mutex_);
  std::string awaited_name_ ABSL_GUARDED_BY(mutex_);  // of a step that is planned by name
  std::map<std::string, int> times_ ABSL_GUARDED_BY(mutex_);
  std::string planned_name_;  // of the planned step, once it is reached
};

}  // namespace crisp
