#include "base/call_context.h"

#include "base/step_log.h"

namespace crisp {

void CallContext::Done(absl::string_view step) const {
  if (steps_ != nullptr) steps_->Done(step);
}

void CallContext::Done(absl::string_view step, MonoTime since) const {
  if (steps_ != nullptr) steps_->Done(step, since);
}

void CallContext::WaitFor(pid_t pid) const {
  if (steps_ != nullptr) steps_->WaitFor(pid);
}

}  // namespace crisp
