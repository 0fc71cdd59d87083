// LayerCatalog: which unpacked layers this node has. The database holds the record, and look-ups are answered from a
// copy in memory. Each layer's directory also has a record of its own (layer_record.h).
//
// Thread-safe; no method holds a lock while it works on disk. The database and whatever `is_held` captures must outlive
// the object.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "images/images.h"
#include "images/layer_row.h"
#include "store/database.h"
#include "store/layout.h"

namespace crisp {

class LayerCatalog {
 public:
  // True if an operation under way uses this layer. Called with the catalog locked.
  using IsHeld = std::function<bool(const std::string& chain_id)>;

  // Runs RecoverLayers first.
  static absl::StatusOr<std::unique_ptr<LayerCatalog>> Open(const Layout& layout, Database* database, IsHeld is_held);

  std::optional<LayerRow> Find(const std::string& chain_id);
  // The layer with this chain id, or one with this diff id that is the same on any base.
  std::optional<LayerRow> Find(const std::string& chain_id, const std::string& diff_id);
  std::vector<LayerRow> All();
  // A directory name that no layer has had since the daemon started.
  std::string NewName();

  // Adds the layer that is unpacked in ingest/<name>: syncs it, moves it to layers/ and records it. After an error it
  // is back in ingest/. `directory` is a descriptor of ingest/<name> that was opened before the first write into it:
  // the kernel reports a failed write once to each descriptor that was open at that time, and to none opened later.
  absl::Status Add(const LayerRow& row, int directory);

  // Removes the layers that no image and no root file system refers to and that are not held.
  absl::Status CollectGarbage();
  // True if the last collection failed or left layers that are held. Before the first one: if there are unused layers.
  bool left_unused();

  FsUsage Usage();

 private:
  LayerCatalog(Layout layout, Database* database, IsHeld is_held);
  absl::Status Load();
  absl::Status Record(const LayerRow& row);
  // Deletes the rows of unused layers, and returns them. `held` is the number of those that are held.
  absl::StatusOr<std::vector<LayerRow>> ForgetUnused(size_t* held);
  absl::Status DeleteUnused(Database::Transaction& transaction, std::vector<LayerRow>* unused, size_t* held);
  // Removes from memory, and returns, those of `chain_ids` that are not held.
  std::vector<LayerRow> TakeUnheld(const std::vector<std::string>& chain_ids);
  void PutBack(const std::vector<LayerRow>& rows);
  void NoteLeft(bool unused);

  const Layout layout_;
  Database* const database_;
  const IsHeld is_held_;

  Mutex mutex_;
  std::map<std::string, LayerRow> layers_ ABSL_GUARDED_BY(mutex_);  // by chain id
  uint64_t next_name_ ABSL_GUARDED_BY(mutex_) = 0;
  bool left_unused_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace crisp
