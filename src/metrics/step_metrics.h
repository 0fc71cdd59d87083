// StepMetrics: how long the operations on pods, containers and images take, and the steps of each (base/step_log.h).
//
//   crisp_operation_seconds{operation,result}   "ok" or "error"
//   crisp_operation_step_seconds{operation,step}
//
// Thread-safe.
#pragma once

#include <memory>

#include "base/step_log.h"

namespace prometheus {
class Registry;
}  // namespace prometheus

namespace crisp {

// Observes all operations of the process while it exists.
class StepMetrics final : public StepObserver {
 public:
  // `registry` must outlive the object.
  explicit StepMetrics(prometheus::Registry* registry);
  ~StepMetrics() override;

  void OnStep(absl::string_view operation, absl::string_view step, MonoClock::duration time) override;
  void OnEnd(absl::string_view operation, bool ok, MonoClock::duration time) override;

 private:
  struct Families;
  const std::unique_ptr<Families> families_;
};

}  // namespace crisp
