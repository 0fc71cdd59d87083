// LayerCatalog: which layers are on this node. The database is the record; a copy in memory answers, and each layer's
// directory carries its own record in an attribute, so that a lost database costs no running container its layers.
//
// Threading: all methods from any thread. `database` and `leases` must outlive it, or be shared.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "images/images.h"
#include "store/layout.h"

namespace crisp {

class Database;

struct LayerRow {
  std::string chain_id;
  std::string name;  // of the directory
  std::string diff_id;
  uint64_t compressed_size = 0;
  uint64_t bytes = 0;
  uint64_t inodes = 0;
};

class LayerCatalog {
 public:
  // Asked with the catalog locked: whether somebody is using, or about to use, this chain id.
  using IsHeld = std::function<bool(const std::string& chain_id)>;

  // Sweeps first: see LayerStore::Open.
  static absl::StatusOr<std::unique_ptr<LayerCatalog>> Open(const Layout& layout, Database* database, IsHeld is_held);

  std::optional<LayerRow> Find(const std::string& chain_id);
  // A directory name that no layer has or had since the daemon started.
  std::string NewName();

  // Takes in the layer that is unpacked in ingest/<name>: makes it durable, moves it, records it. After an error
  // nothing of it is in layers/. `directory` is that one, opened before the first write into it: a descriptor that is
  // opened later does not hear of a failed write that somebody else's sync has been told of.
  absl::Status Add(const LayerRow& row, int directory);

  // Removes what no image, root file system or holder refers to.
  absl::Status CollectGarbage();

  FsUsage Usage();

 private:
  LayerCatalog(Layout layout, Database* database, IsHeld is_held);
  absl::Status Load();
  absl::StatusOr<std::vector<LayerRow>> ForgetUnused();

  const Layout layout_;
  Database* const database_;
  const IsHeld is_held_;

  Mutex mutex_;
  std::map<std::string, LayerRow> layers_ ABSL_GUARDED_BY(mutex_);  // by chain id
  uint64_t next_name_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace crisp
