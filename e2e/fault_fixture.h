// FaultTest: what tests share in which something dies. What must hold afterwards: every object that was acknowledged is
// there; nothing is left once all pods are removed, which every test checks; workloads go on without a gap in their
// logs; exit codes and times are exact; the first retry succeeds.
#pragma once

#include <ostream>
#include <string>

#include "e2e/fixture.h"

namespace crisp::e2e {

// Writes "line 0", "line 1", … for ever.
inline constexpr char kCounter[] = "i=0; while :; do echo line $i; i=$((i+1)); sleep 0.002; done";
// Exits with 23 when somebody has made /tmp/go.
inline constexpr char kLeaver[] = "while [ ! -e /tmp/go ]; do sleep 0.01; done; exit 23";

// A moment in which something is to happen: before or after the work of a command of the wrappers.
struct Step {
  const char* command;
  Moment moment;
};

// "create before". ctest shows it behind the test's name.
inline std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << step.command << (step.moment == Moment::kBefore ? " before" : " after");
}

inline const auto kRuncSteps = ::testing::Values(Step{"create", Moment::kBefore}, Step{"create", Moment::kAfter},
                                                 Step{"start", Moment::kBefore}, Step{"start", Moment::kAfter});

// "CreateBefore", for the names of tests.
std::string NameOf(const ::testing::TestParamInfo<Step>& step);

// How many lines of kCounter the log of a container has. They must follow each other without a gap or a double.
int CountedLines(const std::string& log);
// The same for a log file that is being written: a last line that is torn does not count.
int CountedLinesNow(const std::string& path);

class FaultTest : public NodeTest {
 protected:
  // All that the daemon says of its pods and containers, and which processes they are: equal before and after a fault
  // that changes nothing.
  std::string Everything();

  static pid_t ShimOf(const PodRef& pod) { return PidByCommand(pod.id); }

  // Lets a container of kLeaver go, also while there is no daemon. `pid` is that of its first process.
  static void LetGo(pid_t pid) { WriteFile(ProcPath(pid, "root/tmp/go"), ""); }
  // The shim has put on disk how the container has exited.
  bool ExitIsRecorded(const std::string& container) { return FileExists(node().paths().exit_record(container)); }

  // A new pod gets an address, and a container in it runs.
  void ExpectPodsWork(const std::string& name);
};

}  // namespace crisp::e2e
