#include "sandbox/records.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "store/database.h"

namespace crisp {
namespace {

constexpr size_t kMaxCopy = 16 << 20;

// The rows of a table with their records parsed. `damaged` gets the ids of those that cannot be.
template <typename Stored>
absl::StatusOr<std::vector<Stored>> Load(Database* database, const std::string& table,
                                         absl::FunctionRef<void(const std::string&)> damaged) {
  std::vector<Stored> rows;
  RETURN_IF_ERROR(
      database->Query(absl::StrCat("SELECT id, phase, record FROM ", table, " ORDER BY id"), [&](const Row& row) {
        Stored stored{static_cast<Phase>(row.Int(1)), {}};
        // A record without its id is not used: paths made of it would name the parents of all objects.
        if (!stored.record.ParseFromString(row.Text(2)) || stored.record.id() != row.Text(0)) {
          damaged(row.Text(0));
          return;
        }
        rows.push_back(std::move(stored));
      }));
  return rows;
}

template <typename Stored>
absl::StatusOr<std::vector<Stored>> LoadOrLog(Database* database, const std::string& table) {
  return Load<Stored>(database, table, [&](const std::string& id) {
    LogError("a record is damaged; crisp leaves its pod or container alone", {{"table", table}, {"id", id}});
  });
}

absl::Status SaveRow(Database::Transaction& transaction, Phase phase, const PodRecord& pod) {
  return Annotate(transaction.Run("INSERT INTO pods (id, phase, record) VALUES (?, ?, ?) "
                                  "ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, record = excluded.record",
                                  pod.id(), static_cast<int>(phase), Value::Blob(pod.SerializeAsString())),
                  "record pod");
}

absl::Status SaveRow(Database::Transaction& transaction, Phase phase, const ContainerRecord& container) {
  return Annotate(transaction.Run("INSERT INTO containers (id, pod_id, phase, record) VALUES (?, ?, ?, ?) "
                                  "ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, record = excluded.record",
                                  container.id(), container.pod_id(), static_cast<int>(phase),
                                  Value::Blob(container.SerializeAsString())),
                  "record container");
}

// `phase` is that of the row, and stays empty if there is no row.
absl::Status ReplaceRow(Database::Transaction& transaction, const ContainerRecord& container,
                        std::optional<Phase>* phase) {
  const RowCallback each = [&](const Row& row) { *phase = static_cast<Phase>(row.Int(0)); };
  return Annotate(transaction.Query("UPDATE containers SET record = ? WHERE id = ? RETURNING phase", each,
                                    Value::Blob(container.SerializeAsString()), container.id()),
                  "record container");
}

const std::string& IdOf(const RecordCopy& copy) {
  return copy.has_pod() ? copy.pod().id() : copy.container().id();
}

absl::string_view IdField(const RecordCopy& copy) {
  return copy.has_pod() ? "pod_id" : "container_id";
}

}  // namespace

absl::Status Records::Save(const Pod& pod, Purpose purpose) {
  return Save(PhaseOf(pod.state()), pod.record(), purpose);
}

absl::Status Records::Save(const Container& container, Purpose purpose) {
  return Save(PhaseOf(container.state()), container.record(), purpose);
}

template <typename Record>
absl::Status Records::Save(Phase phase, const Record& record, Purpose purpose) {
  RETURN_IF_ERROR(database_->Change(
      purpose, [&](Database::Transaction& transaction) { return SaveRow(transaction, phase, record); }));
  KeepCopy(phase, record);
  return absl::OkStatus();
}

absl::Status Records::Save(Phase phase, const PodRecord& pod) {
  return Save(phase, pod, Purpose::kKeep);
}

absl::Status Records::Save(Phase phase, const ContainerRecord& container) {
  return Save(phase, container, Purpose::kKeep);
}

absl::Status Records::Replace(const ContainerRecord& container, Purpose purpose) {
  std::optional<Phase> phase;
  RETURN_IF_ERROR(database_->Change(
      purpose, [&](Database::Transaction& transaction) { return ReplaceRow(transaction, container, &phase); }));
  if (phase) KeepCopy(*phase, container);
  return absl::OkStatus();
}

void Records::KeepCopy(Phase phase, const PodRecord& pod) {
  RecordCopy copy;
  copy.set_phase(static_cast<int>(phase));
  *copy.mutable_pod() = pod;
  KeepCopy(pod.id(), copy);
}

void Records::KeepCopy(Phase phase, const ContainerRecord& container) {
  RecordCopy copy;
  copy.set_phase(static_cast<int>(phase));
  *copy.mutable_container() = container;
  KeepCopy(container.id(), copy);
}

// An object that is being created or removed may have no directory.
void Records::KeepCopy(const std::string& id, const RecordCopy& copy) {
  const absl::Status kept = ReplaceFileAt(AT_FDCWD, layout_.RecordCopy(id), copy.SerializeAsString(), 0600);
  if (kept.ok() || ErrnoOf(kept) == ENOENT) return;
  LogWarning("cannot copy a record beside its object; if the database is lost, so is the object",
             {{IdField(copy), id}, {"error", kept.message()}});
}

absl::Status Records::Restore() {
  ASSIGN_OR_RETURN(std::vector<RecordCopy> lost, CopiesWithoutRow());
  // A container's row needs its pod's.
  std::stable_partition(lost.begin(), lost.end(), [](const RecordCopy& copy) { return copy.has_pod(); });
  for (const RecordCopy& copy : lost) {
    const auto phase = static_cast<Phase>(copy.phase());
    const std::string& id = IdOf(copy);
    const absl::Status back = database_->Free([&](Database::Transaction& transaction) {
      return copy.has_pod() ? SaveRow(transaction, phase, copy.pod()) : SaveRow(transaction, phase, copy.container());
    });
    if (back.ok()) {
      LogWarning("restored a record that the database had lost or damaged, from its copy", {{IdField(copy), id}});
    } else {
      LogError("cannot restore a record that the database had lost or damaged",
               {{IdField(copy), id}, {"error", back.message()}});
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::set<std::string>> Records::WholeRows() {
  const auto mended_later = [](const std::string&) {};
  ASSIGN_OR_RETURN(const auto pods, Load<StoredPod>(database_, "pods", mended_later));
  ASSIGN_OR_RETURN(const auto containers, Load<StoredContainer>(database_, "containers", mended_later));
  std::set<std::string> ids;
  for (const StoredPod& pod : pods) ids.insert(pod.record.id());
  for (const StoredContainer& container : containers) ids.insert(container.record.id());
  return ids;
}

absl::StatusOr<std::vector<RecordCopy>> Records::CopiesWithoutRow() {
  ASSIGN_OR_RETURN(const std::set<std::string> whole, WholeRows());
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, ListDir(layout_.Containers()));
  std::vector<RecordCopy> copies;
  for (const std::string& id : ids) {
    const std::string file = layout_.RecordCopy(id);
    if (whole.contains(id) || !Exists(file)) continue;
    const auto text = ReadFileAt(AT_FDCWD, file, kMaxCopy);
    RecordCopy copy;
    if (text.ok() && copy.ParseFromString(*text) && IdOf(copy) == id) {
      copies.push_back(std::move(copy));
    } else {
      LogError("the copy of a lost record cannot be read", {{"file", file}, {"error", text.status().message()}});
    }
  }
  return copies;
}

absl::Status Records::DeletePod(const std::string& id) {
  return database_->RunFree("DELETE FROM pods WHERE id = ?", id);
}

absl::Status Records::DeleteContainer(const std::string& id) {
  return database_->RunFree("DELETE FROM containers WHERE id = ?", id);
}

absl::StatusOr<std::vector<StoredPod>> Records::Pods() {
  return LoadOrLog<StoredPod>(database_, "pods");
}

absl::StatusOr<std::vector<StoredContainer>> Records::Containers() {
  return LoadOrLog<StoredContainer>(database_, "containers");
}

absl::StatusOr<std::string> Records::Fact(const std::string& name) {
  std::string value;
  RETURN_IF_ERROR(database_->Query(
      "SELECT value FROM facts WHERE name = ?", [&](const Row& row) { value = row.Text(0); }, name));
  return value;
}

absl::Status Records::SetFact(const std::string& name, const std::string& value) {
  return database_->RunFree(
      "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name,
      value);
}

}  // namespace crisp
