#include "doctor/runner.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "doctor/catalog.h"
#include "doctor/subject.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;

// A check has so long after its deadline to notice it: a program that it ran is killed first.
constexpr milliseconds kGrace{3000};

// One check at work. Shared with its thread, which may outlive the runner.
class Run {
 public:
  Run(const Check& check, std::shared_ptr<const Subject> subject)
      : check_(check), subject_(std::move(subject)), findings_(check.name) {}

  // On the check's thread.
  void Go() {
    check_.run(*subject_, &findings_, CallContext(begun_ + check_.limit));
    MutexLock lock(mutex_);
    ended_ = MonoClock::now();
    changed_.NotifyAll();
  }

  CheckReport Await() {
    const MonoTime until = begun_ + check_.limit + kGrace;
    MutexLock lock(mutex_);
    while (!ended_.has_value() && changed_.WaitUntil(mutex_, until)) {
    }
    const auto took = ended_.value_or(MonoClock::now()) - begun_;
    if (!ended_.has_value()) Overdue();
    return {check_.name, check_.title, static_cast<int>(std::chrono::duration_cast<milliseconds>(took).count()),
            findings_.Get()};
  }

  void NotStarted(const absl::Status& why) {
    findings_.Problem(kTimeItem, check_.title, std::string(why.message()),
                      "free memory, or raise the limit of threads");
    MutexLock lock(mutex_);
    ended_ = begun_;
  }

 private:
  void Overdue() {
    findings_.Problem(kTimeItem, check_.title, absl::StrCat("has not ended within ", check_.limit.count(), " s"),
                      "something that it looks at hangs: look for processes in state D, dead network file systems and "
                      "name servers that do not answer");
  }

  const Check check_;
  const std::shared_ptr<const Subject> subject_;
  const MonoTime begun_ = MonoClock::now();
  Findings findings_;
  Mutex mutex_;
  CondVar changed_;
  std::optional<MonoTime> ended_ ABSL_GUARDED_BY(mutex_);
};

std::shared_ptr<Run> Begin(const Check& check, const std::shared_ptr<const Subject>& subject) {
  auto run = std::make_shared<Run>(check, subject);
  absl::StatusOr<std::thread> thread = StartThread(check.title, [run] { run->Go(); });
  if (thread.ok()) {
    thread->detach();
  } else {
    run->NotStarted(thread.status());
  }
  return run;
}

}  // namespace

std::vector<CheckReport> RunChecks(const std::vector<Check>& checks, std::shared_ptr<const Subject> subject) {
  std::vector<std::shared_ptr<Run>> runs;
  for (const Check& check : checks) runs.push_back(Begin(check, subject));
  std::vector<CheckReport> reports;
  for (const std::shared_ptr<Run>& run : runs) reports.push_back(run->Await());
  return reports;
}

Verdict WorstOf(const std::vector<CheckReport>& reports) {
  Verdict worst = Verdict::kOk;
  for (const CheckReport& report : reports) {
    for (const Finding& finding : report.findings) worst = std::max(worst, finding.verdict);
  }
  return worst;
}

}  // namespace crisp
