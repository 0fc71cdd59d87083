// The rows of pods and containers in the database. A row stands before the first side effect of the object that it
// names, and is deleted after the last trace of it: what has no row does not exist.
//
// A copy of the row stands in the object's own directory from when it is acknowledged. A directory with a copy and
// without a whole row is therefore one whose row was lost with the database or in it, and is put back: pods outlive
// their database.
// The copy is not synced: it need not outlive the machine's power together with the loss of the database.
//
// Thread-safe (the database is). Errors are the database's.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sandbox/record.pb.h"
#include "store/database.h"
#include "store/layout.h"

namespace crisp {

// The numbers are in the database and never change their meaning.
enum class Phase {
  kCreating = 0,  // an intent: whatever is there is to be undone after a restart
  kCreated = 1,
  kStopped = 2,   // pods: StopPodSandbox has been asked for; it may have to be finished
  kRemoving = 3,  // an intent: to be finished after a restart
};

struct StoredPod {
  Phase phase;
  PodRecord record;
};

struct StoredContainer {
  Phase phase;
  ContainerRecord record;
};

class Records {
 public:
  Records(Database* database, Layout layout) : database_(database), layout_(std::move(layout)) {}

  // Puts back the rows that a lost database had, and those that are damaged, for the directories that have a copy.
  // Before anything else.
  absl::Status Restore();

  absl::Status Save(Phase phase, const PodRecord& pod);
  absl::Status Save(Phase phase, const ContainerRecord& container);
  // In the phase that it is in, and nothing if it has been deleted: for who does not hold the container's gate.
  absl::Status Replace(const ContainerRecord& container);
  absl::Status DeletePod(const std::string& id);
  absl::Status DeleteContainer(const std::string& id);
  // Without those that are damaged, which are named in the log.
  absl::StatusOr<std::vector<StoredPod>> Pods();
  absl::StatusOr<std::vector<StoredContainer>> Containers();

  // A named fact about the whole, empty if there is none.
  absl::StatusOr<std::string> Fact(const std::string& name);
  absl::Status SetFact(const std::string& name, const std::string& value);

 private:
  absl::Status SaveRow(Phase phase, const PodRecord& pod);
  absl::Status SaveRow(Phase phase, const ContainerRecord& container);
  void KeepCopy(const std::string& id, const RecordCopy& copy);
  absl::StatusOr<std::set<std::string>> WholeRows();
  absl::StatusOr<std::vector<RecordCopy>> CopiesWithoutRow();

  Database* database_;
  const Layout layout_;
};

}  // namespace crisp
