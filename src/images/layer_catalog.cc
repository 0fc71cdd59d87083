#include "images/layer_catalog.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "images/layer_record.h"
#include "images/layer_recovery.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "store/residue.h"

namespace crisp {
namespace {

constexpr char kUnused[] =
    "SELECT chain_id FROM layers WHERE chain_id NOT IN (SELECT chain_id FROM image_layers) AND chain_id NOT IN "
    "(SELECT chain_id FROM rootfs_layers)";

absl::Status SyncDirectory(const std::string& path) {
  ASSIGN_OR_RETURN(const Fd fd, OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  return fsync(fd.get()) == 0 ? absl::OkStatus() : ErrnoStatus(errno, absl::StrCat("sync ", path));
}

// One sync for all files of the layer: since Linux 5.8 syncfs(2) reports every write that failed after `directory` was
// opened. The record that marks the layer complete is written after it.
absl::Status MakeDurable(const std::string& path, int directory, const LayerRow& row) {
  if (syncfs(directory) != 0) return ErrnoStatus(errno, absl::StrCat("sync the file system of ", path));
  RETURN_IF_ERROR(WriteLayerRecord(directory, row));
  return fsync(directory) == 0 ? absl::OkStatus() : ErrnoStatus(errno, absl::StrCat("sync ", path));
}

absl::Status Move(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("rename ", from, " to ", to));
}

// Moves it out of layers/ first, so that a daemon that restarts now does not find a half removed layer there. On a full
// file system the move can fail. Then the layer loses its record first, which also makes it an incomplete one. Where
// even that fails (a read-only file system) it stays whole.
absl::Status RemoveLayer(const Layout& layout, const std::string& name) {
  const std::string path = layout.Layer(name);
  if (Move(path, layout.Ingest(name)).ok()) return RemoveOrSetAside(layout, layout.Ingest(name));
  const absl::Status unmarked = RemoveLayerRecord(path);
  if (unmarked.ok()) return RemoveOrSetAside(layout, path);
  LogError("cannot remove a layer; crisp leaves it", {{"directory", path}, {"error", unmarked.message()}});
  return absl::OkStatus();
}

}  // namespace

LayerCatalog::LayerCatalog(Layout layout, Database* database, IsHeld is_held)
    : layout_(std::move(layout)), database_(database), is_held_(std::move(is_held)) {}

absl::StatusOr<std::unique_ptr<LayerCatalog>> LayerCatalog::Open(const Layout& layout, Database* database,
                                                                 IsHeld is_held) {
  RETURN_IF_ERROR(RecoverLayers(layout, database), "recover the layers in ", layout.root());
  std::unique_ptr<LayerCatalog> catalog(new LayerCatalog(layout, database, std::move(is_held)));
  RETURN_IF_ERROR(catalog->Load());
  return catalog;
}

absl::Status LayerCatalog::Load() {
  ASSIGN_OR_RETURN(std::vector<LayerRow> rows, LoadLayerRows(database_));
  bool unused = false;
  RETURN_IF_ERROR(database_->Query(kUnused, [&](const Row&) { unused = true; }));
  MutexLock lock(mutex_);
  left_unused_ = unused;
  for (LayerRow& row : rows) {
    next_name_ = std::max(next_name_, ParseLayerName(row.name).value_or(0) + 1);
    layers_.emplace(row.chain_id, row);
  }
  return absl::OkStatus();
}

std::optional<LayerRow> LayerCatalog::Find(const std::string& chain_id) {
  MutexLock lock(mutex_);
  const auto row = layers_.find(chain_id);
  return row == layers_.end() ? std::nullopt : std::make_optional(row->second);
}

std::optional<LayerRow> LayerCatalog::Find(const std::string& chain_id, const std::string& diff_id) {
  std::optional<LayerRow> row = Find(chain_id);
  return row.has_value() ? row : Find(AnyBaseId(diff_id));
}

std::vector<LayerRow> LayerCatalog::All() {
  MutexLock lock(mutex_);
  std::vector<LayerRow> rows;
  for (const auto& [chain_id, row] : layers_) rows.push_back(row);
  return rows;
}

std::string LayerCatalog::NewName() {
  MutexLock lock(mutex_);
  return LayerName(next_name_++);
}

absl::Status LayerCatalog::Add(const LayerRow& row, int directory) {
  const std::string path = layout_.Layer(row.name);
  RETURN_IF_ERROR(MakeDurable(layout_.Ingest(row.name), directory, row));
  RETURN_IF_ERROR(Move(layout_.Ingest(row.name), path));
  absl::Status status = SyncDirectory(layout_.Layers());
  if (status.ok()) status = Record(row);
  if (!status.ok()) return Join(status, Move(path, layout_.Ingest(row.name)));
  MutexLock lock(mutex_);
  layers_.emplace(row.chain_id, row);
  return absl::OkStatus();
}

absl::Status LayerCatalog::Record(const LayerRow& row) {
  return database_->Keep([&](Database::Transaction& transaction) { return InsertLayerRow(transaction, row); });
}

absl::Status LayerCatalog::CollectGarbage() {
  NoteLeft(true);
  size_t held = 0;
  ASSIGN_OR_RETURN(const std::vector<LayerRow> unused, ForgetUnused(&held), "collect unused layers");
  absl::Status status;
  for (const LayerRow& row : unused) {
    status = Join(status, RemoveLayer(layout_, row.name));
  }
  NoteLeft(held > 0 || !status.ok());
  return Annotate(status, "remove unused layers");
}

// The catalog is not locked while the database works. The layers are removed from memory before they are deleted. A
// pull that starts in between unpacks them again under another name, and its row waits for the end of this transaction.
absl::StatusOr<std::vector<LayerRow>> LayerCatalog::ForgetUnused(size_t* held) {
  std::vector<LayerRow> unused;
  const absl::Status status = database_->Free([&](Database::Transaction& transaction) {
    PutBack(std::exchange(unused, {}));  // of a first attempt
    return DeleteUnused(transaction, &unused, held);
  });
  if (status.ok()) return unused;
  PutBack(unused);
  return status;
}

absl::Status LayerCatalog::DeleteUnused(Database::Transaction& transaction, std::vector<LayerRow>* unused,
                                        size_t* held) {
  std::vector<std::string> chain_ids;
  RETURN_IF_ERROR(transaction.Query(kUnused, [&](const Row& row) { chain_ids.push_back(row.Text(0)); }));
  // An operation records what it uses before its lease ends, and cannot do so while this transaction is open. So a
  // layer without a lease is not used.
  *unused = TakeUnheld(chain_ids);
  *held = chain_ids.size() - unused->size();
  for (const LayerRow& row : *unused) {
    RETURN_IF_ERROR(transaction.Run("DELETE FROM layers WHERE chain_id = ?", row.chain_id));
  }
  return absl::OkStatus();
}

std::vector<LayerRow> LayerCatalog::TakeUnheld(const std::vector<std::string>& chain_ids) {
  MutexLock lock(mutex_);
  std::vector<LayerRow> taken;
  for (const std::string& chain_id : chain_ids) {
    const auto layer = layers_.find(chain_id);
    if (layer == layers_.end() || is_held_(chain_id)) continue;
    taken.push_back(std::move(layer->second));
    layers_.erase(layer);
  }
  return taken;
}

void LayerCatalog::PutBack(const std::vector<LayerRow>& rows) {
  MutexLock lock(mutex_);
  for (const LayerRow& row : rows) layers_.emplace(row.chain_id, row);
}

bool LayerCatalog::left_unused() {
  MutexLock lock(mutex_);
  return left_unused_;
}

void LayerCatalog::NoteLeft(bool unused) {
  MutexLock lock(mutex_);
  left_unused_ = unused;
}

FsUsage LayerCatalog::Usage() {
  MutexLock lock(mutex_);
  FsUsage usage;
  usage.mountpoint = layout_.Layers();
  for (const auto& [chain_id, row] : layers_) {
    usage.used_bytes += row.bytes;
    usage.inodes_used += row.inodes;
  }
  return usage;
}

}  // namespace crisp
