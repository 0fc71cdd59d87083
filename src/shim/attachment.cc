#include "shim/attachment.h"

namespace crisp::shim {

void Attachment::Begin(uint8_t streams, Attached ends) {
  for (const uint8_t bit : {kStdoutBit, kStderrBit}) outputs_ += (streams & bit) != 0 ? 1 : 0;
  client_.opened(container_->io().Terminal());
  container_->io().Attach(streams, std::move(ends), Watch());
}

ContainerIo::Watcher Attachment::Watch() {
  return {number_, [this](Tee::Parting how) { OnParted(how); },
          [this](int exit_code) {
            exit_code_ = exit_code;
            FinishIfOver();
          }};
}

void Attachment::Save(SessionState owner, ShimState* state) const {
  owner.number = number_;
  state->attachments.push_back({std::move(owner), static_cast<uint32_t>(outputs_), hung_up_, exit_code_.has_value(),
                                static_cast<uint32_t>(exit_code_.value_or(0))});
}

void Attachment::Restore(const AttachmentState& state) {
  outputs_ = static_cast<int>(state.outputs);
  hung_up_ = state.hung_up != 0;
  if (state.exited != 0) exit_code_ = static_cast<int>(state.exit_code);
  container_->io().Rewatch(Watch());
}

void Attachment::OnParted(Tee::Parting how) {
  --outputs_;
  if (how == Tee::Parting::kTooSlow) {
    constexpr int64_t kSeconds = Tee::kPatienceNanos / 1'000'000'000;
    return Finish(Failure{ErrorCode::kTooSlow, "attach",
                          "the client took no output for " + std::to_string(kSeconds) + " seconds"});
  }
  hung_up_ = hung_up_ || how == Tee::Parting::kGone;
  FinishIfOver();
}

void Attachment::FinishIfOver() {
  if (outputs_ == 0 && (exit_code_.has_value() || hung_up_)) Finish(std::nullopt);
}

void Attachment::Cancel(ErrorCode why) {
  Finish(Failure{why, "attach", "cancelled"});
}

void Attachment::Finish(const std::optional<Failure>& failure) {
  if (finished_) return;
  finished_ = true;
  container_->io().Detach(number_);
  client_.ended(failure, exit_code_);
}

}  // namespace crisp::shim
