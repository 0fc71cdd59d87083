#include "base/call_context.h"

#include "base/step_log.h"

namespace crisp {

void CallContext::Done(absl::string_view step) const {
  if (steps_ != nullptr) steps_->Done(step);
}

void CallContext::Done(absl::string_view step, MonoTime since) const {
  if (steps_ != nullptr) steps_->Done(step, since);
}

ProcessWait::ProcessWait(const CallContext& call, pid_t pid) : steps_(call.steps_) {
  if (steps_ != nullptr) steps_->WaitFor(pid);
}

ProcessWait::~ProcessWait() {
  if (steps_ != nullptr) steps_->WaitFor(0);
}

}  // namespace crisp
