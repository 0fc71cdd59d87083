#include "sandbox/testing/fake_network.h"

#include "base/status_macros.h"

namespace crisp {

std::set<std::string> FakeNetwork::attached() const {
  MutexLock lock(mutex_);
  return attached_;
}

absl::StatusOr<CniAttachment> FakeNetwork::Plan(const PodNetworkRequest& request) {
  const Steps::Step step = steps_->Enter("plan network");
  RETURN_IF_ERROR(step.before);
  RETURN_IF_ERROR(step.after);
  return CniAttachment{request.netns_path, ""};
}

absl::StatusOr<PodAddresses> FakeNetwork::Attach(CniAttachment* attachment, const CallContext&) {
  const Steps::Step step = steps_->Enter("attach network");
  RETURN_IF_ERROR(step.before);
  MutexLock lock(mutex_);
  attached_.insert(attachment->plan);
  attachment->result = "result";
  RETURN_IF_ERROR(step.after);
  return PodAddresses{"192.0.2.1", {"2001:db8::1"}};
}

absl::Status FakeNetwork::Detach(const CniAttachment& attachment, const CallContext&) {
  const Steps::Step step = steps_->Enter("detach network");
  RETURN_IF_ERROR(step.before);
  MutexLock lock(mutex_);
  attached_.erase(attachment.plan);
  return step.after;
}

}  // namespace crisp
