// Records: the rows of pods and containers in the database. A row stands before the first side effect of the object
// that it names, and is deleted after the last trace of it: what has no row does not exist.
//
// A copy of the row stands in the object's own directory once the object is acknowledged. A directory with a copy but
// without a readable row is one whose row was lost or damaged with the database; the row is put back from it, since
// pods outlive their database. The copy is not synced: it need not survive a loss of power and the loss of the database
// together.
//
// Stops, ends and removals are recorded with Purpose::kFree, so that they also work where the database cannot be
// written.
//
// Thread-safe (the database is). Errors are the database's.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "sandbox/phase.h"
#include "sandbox/record.pb.h"
#include "store/database.h"
#include "store/layout.h"

namespace crisp {

class Container;
class Pod;

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

  // Puts back rows that the database has lost or holds damaged, from the copies in the directories. Call it before
  // anything else.
  absl::Status Restore();

  using Purpose = Database::Purpose;
  // The record as it is, in the phase that follows from the state.
  absl::Status Save(const Pod& pod, Purpose purpose = Purpose::kKeep);
  absl::Status Save(const Container& container, Purpose purpose = Purpose::kKeep);
  // The record in the phase of a state that the object has not reached yet.
  absl::Status Save(Phase phase, const PodRecord& pod);
  absl::Status Save(Phase phase, const ContainerRecord& container);
  // Keeps the phase of the row, and does nothing if the row is gone. For callers that do not hold the container's gate.
  absl::Status Replace(const ContainerRecord& container, Purpose purpose);
  absl::Status DeletePod(const std::string& id);
  absl::Status DeleteContainer(const std::string& id);
  // Damaged rows are left out; the log names them.
  absl::StatusOr<std::vector<StoredPod>> Pods();
  absl::StatusOr<std::vector<StoredContainer>> Containers();

  // A named fact about the node; empty if there is none.
  absl::StatusOr<std::string> Fact(const std::string& name);
  // With Purpose::kFree, since a daemon must be able to start.
  absl::Status SetFact(const std::string& name, const std::string& value);

 private:
  template <typename Record>
  absl::Status Save(Phase phase, const Record& record, Purpose purpose);
  void KeepCopy(const std::string& id, const RecordCopy& copy);
  void KeepCopy(Phase phase, const PodRecord& pod);
  void KeepCopy(Phase phase, const ContainerRecord& container);
  absl::StatusOr<std::set<std::string>> WholeRows();
  absl::StatusOr<std::vector<RecordCopy>> CopiesWithoutRow();

  Database* database_;
  const Layout layout_;
};

}  // namespace crisp
