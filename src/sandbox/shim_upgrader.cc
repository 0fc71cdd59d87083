#include "sandbox/shim_upgrader.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/worker_pool.h"
#include "runtime/shims.h"
#include "sandbox/deadlines.h"
#include "sandbox/pod.h"
#include "sandbox/pod_log.h"
#include "sandbox/sandbox_counters.h"

namespace crisp {

ShimUpgrader::~ShimUpgrader() {
  MutexLock lock(mutex_);
  ending_ = true;
  changed_.NotifyAll();
}

void ShimUpgrader::Begin() {
  if (!table_->All().empty()) background_.Run([this] { Run(); });
}

bool ShimUpgrader::ending() const {
  MutexLock lock(mutex_);
  return ending_;
}

bool ShimUpgrader::Pause(std::chrono::nanoseconds time) {
  const MonoTime until = MonoClock::now() + time;
  MutexLock lock(mutex_);
  while (!ending_ && MonoClock::now() < until) changed_.WaitUntil(mutex_, until);
  return !ending_;
}

void ShimUpgrader::Run() {
  const CallContext call(kNoDeadline, [this] { return ending(); });
  const auto installed = shims_->Program(program_, call.Within(kShimProgramDeadline));
  if (!installed.ok()) {
    if (ending()) return;
    LogWarning("the installed crisp-shim cannot be asked for its build; shims that run are not upgraded",
               {{"program", program_}, {"error", installed.status().message()}});
    return;
  }
  Pods pods = table_->All();
  std::chrono::nanoseconds pause = first_pause_;
  for (int round = 1; round <= kRounds && !ending(); ++round) {
    pods = UpgradeAll(pods, *installed, /*last=*/round == kRounds, call);
    if (pods.empty() || !Pause(pause)) return;
    pause *= 2;
  }
}

ShimUpgrader::Pods ShimUpgrader::UpgradeAll(const Pods& pods, const ShimProgram& installed, bool last,
                                            const CallContext& call) {
  Mutex mutex;
  Pods busy;
  WorkerPool pool(kAtOnce);
  for (const PodPtr& pod : pods) {
    pool.Run([&, pod] {
      if (Upgrade(pod, installed, last, call)) return;
      MutexLock lock(mutex);
      busy.push_back(pod);
    });
  }
  pool.Wait();
  return busy;
}

bool ShimUpgrader::Upgrade(const PodPtr& pod, const ShimProgram& installed, bool last, const CallContext& call) {
  const std::shared_ptr<Shim> shim = pod->shim.Get();
  if (shim == nullptr || !call.Check().ok()) return true;
  const std::string before = shim->build();
  if (before == installed.build) return true;
  if (before.empty()) {
    LogPod(LogLevel::kInfo, "the pod's shim is too old to be upgraded in place; it stays as it is until the pod ends",
           *pod);
    return true;
  }
  const absl::Status upgraded = shim->Upgrade(installed, call.Within(kShimUpgradeDeadline));
  if (upgraded.ok()) {
    counters_->shim_upgrades.Add();
    LogPod(LogLevel::kInfo, "upgraded the pod's shim in place", *pod,
           {{"shim_pid", shim->pid()}, {"from", before}, {"to", installed.build}});
    return true;
  }
  if (absl::IsAborted(upgraded) && !last) return false;
  // A pod that is stopped meanwhile has no shim to be upgraded.
  if (!call.Check().ok() || pod->shim.Get() != shim) return true;
  counters_->shim_upgrade_failures.Add();
  LogPod(LogLevel::kWarning, "cannot upgrade the pod's shim in place; it goes on with its old program", *pod,
         {{"shim_pid", shim->pid()}, {"program", installed.path}, {"error", upgraded.message()}});
  return true;
}

}  // namespace crisp
