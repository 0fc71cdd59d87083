#include "sandbox/records.h"

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

// The rows of a table, each as `Stored`, with its record parsed.
template <typename Stored>
absl::StatusOr<std::vector<Stored>> Load(Database* database, const std::string& table) {
  std::vector<Stored> rows;
  RETURN_IF_ERROR(
      database->Query(absl::StrCat("SELECT id, phase, record FROM ", table, " ORDER BY id"), [&](const Row& row) {
        Stored stored{static_cast<Phase>(row.Int(1)), {}};
        // Nothing may be done by a record without its id: the paths that are made of it would be those of all.
        if (!stored.record.ParseFromString(row.Text(2)) || stored.record.id() != row.Text(0)) {
          LogError("a record is damaged; what it stands for is left alone", {{"table", table}, {"id", row.Text(0)}});
          return;
        }
        rows.push_back(std::move(stored));
      }));
  return rows;
}

}  // namespace

absl::Status Records::Save(Phase phase, const PodRecord& pod) {
  return Annotate(database_->Run("INSERT INTO pods VALUES (?, ?, ?) "
                                 "ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, record = excluded.record",
                                 pod.id(), static_cast<int>(phase), Value::Blob(pod.SerializeAsString())),
                  "record pod");
}

absl::Status Records::Save(Phase phase, const ContainerRecord& container) {
  return Annotate(database_->Run("INSERT INTO containers VALUES (?, ?, ?, ?) "
                                 "ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, record = excluded.record",
                                 container.id(), container.pod_id(), static_cast<int>(phase),
                                 Value::Blob(container.SerializeAsString())),
                  "record container");
}

absl::Status Records::DeletePod(const std::string& id) {
  return database_->Run("DELETE FROM pods WHERE id = ?", id);
}

absl::Status Records::DeleteContainer(const std::string& id) {
  return database_->Run("DELETE FROM containers WHERE id = ?", id);
}

absl::StatusOr<std::vector<StoredPod>> Records::Pods() {
  return Load<StoredPod>(database_, "pods");
}

absl::StatusOr<std::vector<StoredContainer>> Records::Containers() {
  return Load<StoredContainer>(database_, "containers");
}

absl::StatusOr<std::string> Records::Fact(const std::string& name) {
  std::string value;
  RETURN_IF_ERROR(database_->Query(
      "SELECT value FROM facts WHERE name = ?", [&](const Row& row) { value = row.Text(0); }, name));
  return value;
}

absl::Status Records::SetFact(const std::string& name, const std::string& value) {
  return database_->Run("INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name,
                        value);
}

}  // namespace crisp
