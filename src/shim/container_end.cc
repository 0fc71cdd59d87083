#include "shim/container_end.h"

#include <utility>

namespace crisp::shim {

void ContainerEnd::OnInitExit(bool suspicious) {
  oom_.Judge(suspicious, [this](bool killed) {
    oom_killed_ = killed;
    judged_ = true;
    ReportIfDone();
  });
}

void ContainerEnd::Begin(const cgroup::Dirs& cgroups, Callbacks callbacks) {
  callbacks_ = std::move(callbacks);
  kill_.Kill(cgroups, [this](int error) {
    emptied_ = true;
    Drain();
    callbacks_.emptied(error);
  });
}

void ContainerEnd::RestoreOver(bool oom_killed) {
  emptied_ = true;
  drained_ = true;
  judged_ = true;
  oom_killed_ = oom_killed;
}

void ContainerEnd::Drain() {
  if (drained_) return;
  io_.Drain();
  if (io_.ended()) return OnDrained();
  drain_ = loop_.After(kDrainNanos, [this] { FinishDrain(); });
}

void ContainerEnd::OnStreamsEnded() {
  if (drain_ != 0) OnDrained();
}

void ContainerEnd::FinishDrain() {
  if (drained_) return;
  io_.Finish();
  if (!drained_) OnDrained();
}

void ContainerEnd::OnDrained() {
  loop_.Cancel(&drain_);
  drained_ = true;
  ReportIfDone();
}

void ContainerEnd::ReportIfDone() {
  if (!drained_ || !judged_) return;
  oom_.Close();
  callbacks_.over();
}

}  // namespace crisp::shim
