#include "base/call_context.h"

#include "base/step_log.h"

namespace crisp {

CallContext CallContext::LoggedIn(StepLog* steps) const {
  CallContext logged = TracedIn(steps->trace(), nullptr);
  logged.steps_ = steps;
  return logged;
}

void CallContext::LinkTo(const TraceContext& other) const {
  if (!other.valid() || other == trace_) return;
  if (steps_ != nullptr) return steps_->LinkTo(other);
  if (span_ != nullptr) span_->LinkTo(other);
}

bool CallContext::IsRecorded() const {
  return steps_ != nullptr ? steps_->IsRecorded() : span_ != nullptr;
}

void CallContext::AddPart(SpanPart part) const {
  if (steps_ != nullptr) return steps_->AddPart(std::move(part));
  if (span_ != nullptr) span_->Add(part);
}

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
