#include "images/layer_recovery.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status_macros.h"
#include "images/layer_record.h"
#include "images/layer_row.h"
#include "os/file.h"
#include "store/database.h"
#include "store/residue.h"

namespace crisp {
namespace {

// An image cannot run without all of its layers. With its rows deleted, the next pull fetches it again.
absl::Status ForgetLayer(Database* database, const LayerRow& row) {
  LogWarning("layer directory is gone: removing the images that use it",
             {{"layer", row.name}, {"chain", row.chain_id}});
  return database->Free([&row](Database::Transaction& transaction) -> absl::Status {
    RETURN_IF_ERROR(transaction.Run(
        "DELETE FROM images WHERE id IN (SELECT image_id FROM image_layers WHERE chain_id = ?)", row.chain_id));
    RETURN_IF_ERROR(transaction.Run("DELETE FROM rootfs_layers WHERE chain_id = ?", row.chain_id));
    return transaction.Run("DELETE FROM layers WHERE chain_id = ?", row.chain_id);
  });
}

// A tree that cannot be removed must not keep the daemon from starting. The next start tries again.
void RemoveLeftOver(const Layout& layout, const std::string& path) {
  const absl::Status removed = RemoveOrSetAside(layout, path);
  if (!removed.ok()) {
    LogError("cannot remove what is left of a layer", {{"directory", path}, {"error", removed.message()}});
  }
}

// Returns the complete layers. The others are removed from disk and from the database.
absl::StatusOr<std::vector<LayerRow>> RecoverDirectories(const Layout& layout, Database* database) {
  std::map<std::string, LayerRow> by_name;
  std::set<std::string> chain_ids;
  ASSIGN_OR_RETURN(std::vector<LayerRow> rows, LoadLayerRows(database));
  for (LayerRow& row : rows) {
    if (!Exists(layout.Layer(row.name))) {
      RETURN_IF_ERROR(ForgetLayer(database, row));
      continue;
    }
    chain_ids.insert(row.chain_id);
    by_name.emplace(row.name, std::move(row));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(layout.Layers()));
  for (const std::string& name : names) {
    if (by_name.contains(name) || !ParseLayerName(name).has_value()) continue;
    const absl::StatusOr<std::optional<LayerRow>> read = ReadLayerRecord(layout.Layer(name), name);
    if (!read.ok()) {
      LogError("cannot read the record of a layer; crisp leaves it alone",
               {{"directory", layout.Layer(name)}, {"error", read.status().message()}});
      continue;
    }
    const std::optional<LayerRow>& row = *read;
    if (row.has_value() && chain_ids.insert(row->chain_id).second) {
      LogWarning("recording a layer that is on disk but not in the database",
                 {{"layer", name}, {"chain", row->chain_id}});
      RETURN_IF_ERROR(
          database->Free([&row](Database::Transaction& transaction) { return InsertLayerRow(transaction, *row); }));
      by_name.emplace(name, *row);
    } else {
      RemoveLeftOver(layout, layout.Layer(name));
    }
  }
  rows.clear();
  for (auto& [name, row] : by_name) rows.push_back(std::move(row));
  return rows;
}

absl::Status RecoverRootfs(const Layout& layout, Database* database, const std::string& id,
                           const std::map<std::string, std::string>& chain_of) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ReadRootfsRecord(layout.Container(id)));
  return database->Free([&](Database::Transaction& transaction) -> absl::Status {
    for (size_t i = 0; i < names.size(); ++i) {
      const auto chain = chain_of.find(names[i]);
      if (chain == chain_of.end()) continue;
      RETURN_IF_ERROR(transaction.Run("INSERT INTO rootfs_layers (container_id, position, chain_id) VALUES (?, ?, ?)",
                                      id, static_cast<int64_t>(i), chain->second));
    }
    return absl::OkStatus();
  });
}

// Restores from containers' directories which layers they use, if the database does not know.
absl::Status RecoverContainers(const Layout& layout, Database* database, const std::vector<LayerRow>& layers) {
  std::map<std::string, std::string> chain_of;
  for (const LayerRow& row : layers) chain_of.emplace(row.name, row.chain_id);
  std::set<std::string> known;
  RETURN_IF_ERROR(database->Query("SELECT DISTINCT container_id FROM rootfs_layers",
                                  [&](const Row& row) { known.insert(row.Text(0)); }));
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, ListDir(layout.Containers()));
  for (const std::string& id : ids) {
    if (known.erase(id) > 0) continue;
    const absl::Status recovered = RecoverRootfs(layout, database, id, chain_of);
    if (!recovered.ok()) {
      LogError("cannot recover which layers a container uses", {{"container", id}, {"error", recovered.message()}});
    }
  }
  for (const std::string& id : known) {  // no directory: MountRootfs was interrupted after it wrote the record
    RETURN_IF_ERROR(database->RunFree("DELETE FROM rootfs_layers WHERE container_id = ?", id));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RecoverLayers(const Layout& layout, Database* database) {
  RETURN_IF_ERROR(MakeDirs(layout.root(), 0711));
  for (const std::string& path : {layout.Layers(), layout.Ingests(), layout.Containers()}) {
    // With a wider mode any user of the machine could run setuid programs of images.
    RETURN_IF_ERROR(MakeDirsWithMode(path, 0700));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> left_over, ListDir(layout.Ingests()));
  for (const std::string& name : left_over) RemoveLeftOver(layout, layout.Ingest(name));
  ASSIGN_OR_RETURN(const std::vector<LayerRow> layers, RecoverDirectories(layout, database));
  return RecoverContainers(layout, database, layers);
}

}  // namespace crisp
