#include "images/layer_store.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "images/layer_catalog.h"
#include "images/layer_decoder.h"
#include "images/layer_limits.h"
#include "images/layer_pull.h"
#include "images/rootfs.h"
#include "os/disk_usage.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

absl::Status CheckDescriptors(const std::vector<LayerDescriptor>& layers) {
  if (layers.size() > static_cast<size_t>(kMostLayers)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the image has ", layers.size(), " layers, more than the ", kMostLayers, " that can be mounted"));
  }
  for (const LayerDescriptor& layer : layers) {
    if (!IsDigest(layer.digest) || !IsDigest(layer.diff_id)) {
      return absl::DataLossError(
          absl::StrCat("layer ", layer.digest, " with diff id ", layer.diff_id,
                       ": a digest is \"sha256:<64 hex digits>\" or \"sha512:<128 hex digits>\""));
    }
    RETURN_IF_ERROR(CheckLayerMediaType(layer.media_type), "layer ", layer.digest);
  }
  return absl::OkStatus();
}

absl::StatusOr<DiskUsage> MeasureUppers(const Layout& layout) {
  DiskUsage usage;
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, ListDir(layout.Containers()));
  for (const std::string& id : ids) {
    absl::StatusOr<Fd> upper = OpenAt(AT_FDCWD, layout.Upper(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!upper.ok() && (ErrnoOf(upper.status()) == ENOENT || ErrnoOf(upper.status()) == ENOTDIR)) continue;
    RETURN_IF_ERROR(upper.status());
    RETURN_IF_ERROR(AddDiskUsage(*std::move(upper), &usage), "measure ", layout.Upper(id));
  }
  return usage;
}

}  // namespace

LayerLease::LayerLease(std::shared_ptr<Table> table, std::vector<std::string> chain_ids)
    : table_(std::move(table)), chain_ids_(std::move(chain_ids)) {
  MutexLock lock(table_->mutex);
  for (const std::string& chain_id : chain_ids_) ++table_->holders[chain_id];
}

LayerLease::~LayerLease() {
  Release();
}

LayerLease& LayerLease::operator=(LayerLease&& other) noexcept {
  if (this == &other) return *this;
  Release();
  table_ = std::move(other.table_);
  chain_ids_ = std::move(other.chain_ids_);
  return *this;
}

void LayerLease::Release() {
  const std::shared_ptr<Table> table = std::move(table_);
  if (table == nullptr) return;
  MutexLock lock(table->mutex);
  for (const std::string& chain_id : chain_ids_) {
    if (--table->holders[chain_id] == 0) table->holders.erase(chain_id);
  }
}

std::vector<std::string> ChainIds(const std::vector<std::string>& diff_ids) {
  std::vector<std::string> chain_ids;
  for (const std::string& diff_id : diff_ids) {
    chain_ids.push_back(chain_ids.empty() ? diff_id : DigestOf(absl::StrCat(chain_ids.back(), " ", diff_id)));
  }
  return chain_ids;
}

class LayerStore::Impl {
 public:
  Impl(Layout layout, Database* database) : layout_(std::move(layout)), database_(database) {}

  absl::Status Open() {
    ASSIGN_OR_RETURN(catalog_, LayerCatalog::Open(layout_, database_, [leases = leases_](const std::string& chain_id) {
                       MutexLock lock(leases->mutex);
                       return leases->holders.contains(chain_id);
                     }));
    return absl::OkStatus();
  }

  absl::StatusOr<LayerLease> Unpack(const std::vector<LayerDescriptor>& layers, LayerSource& source, int parallel,
                                    const Call& call) {
    RETURN_IF_ERROR(CheckDescriptors(layers));
    std::vector<std::string> diff_ids;
    for (const LayerDescriptor& layer : layers) diff_ids.push_back(layer.diff_id);
    // Held before it is known which of them are there: what is found cannot go away any more.
    LayerLease lease(leases_, ChainIds(diff_ids));
    LayerPull pull(layers, lease.chain_ids(), &source, parallel, &call, &layout_, catalog_.get(), &board_);
    const absl::Status status = pull.Run();
    if (status.ok()) return lease;
    lease = LayerLease();
    return Join(status, catalog_->CollectGarbage());
  }

  absl::Status CollectGarbage() { return catalog_->CollectGarbage(); }

  absl::Status MountRootfs(const std::vector<std::string>& chain_ids, const std::string& id, const std::string& target,
                           const RootfsOptions& options) {
    const LayerLease lease(leases_, chain_ids);
    std::vector<LayerRow> rows;
    for (const std::string& chain_id : chain_ids) {
      std::optional<LayerRow> row = catalog_->Find(chain_id);
      if (!row.has_value()) return absl::InternalError(absl::StrCat("layer ", chain_id, " is not there"));
      rows.push_back(*std::move(row));
    }
    return MakeRootfs(layout_, database_, rows, id, target, options);
  }

  absl::Status ReleaseRootfs(const std::string& id, const std::string& target) {
    RETURN_IF_ERROR(RemoveRootfs(layout_, database_, id, target));
    return catalog_->CollectGarbage();
  }

  FsUsage Usage() { return catalog_->Usage(); }

  absl::StatusOr<FsUsage> ContainersUsage() {
    MutexLock lock(usage_mutex_);
    const MonoTime start = MonoClock::now();
    if (start >= next_walk_) {
      ASSIGN_OR_RETURN(uppers_, MeasureUppers(layout_));
      const MonoTime end = MonoClock::now();
      next_walk_ = end + 9 * (end - start);
    }
    return FsUsage{layout_.Containers(), uppers_.bytes, uppers_.inodes};
  }

 private:
  const Layout layout_;
  Database* const database_;
  const std::shared_ptr<LayerLease::Table> leases_ = std::make_shared<LayerLease::Table>();
  std::unique_ptr<LayerCatalog> catalog_;
  FlightBoard board_;

  Mutex usage_mutex_;
  DiskUsage uppers_ ABSL_GUARDED_BY(usage_mutex_);
  MonoTime next_walk_ ABSL_GUARDED_BY(usage_mutex_) = MonoTime::min();
};

LayerStore::LayerStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LayerStore::~LayerStore() = default;

absl::StatusOr<std::unique_ptr<LayerStore>> LayerStore::Open(Layout layout, Database* database) {
  auto impl = std::make_unique<Impl>(std::move(layout), database);
  RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<LayerStore>(new LayerStore(std::move(impl)));
}

absl::StatusOr<LayerLease> LayerStore::Unpack(const std::vector<LayerDescriptor>& layers, LayerSource& source,
                                              int parallel, const Call& call) {
  return impl_->Unpack(layers, source, parallel, call);
}

absl::Status LayerStore::CollectGarbage() {
  return impl_->CollectGarbage();
}

absl::Status LayerStore::MountRootfs(const std::vector<std::string>& chain_ids, const std::string& container_id,
                                     const std::string& target, const RootfsOptions& options) {
  return impl_->MountRootfs(chain_ids, container_id, target, options);
}

absl::Status LayerStore::ReleaseRootfs(const std::string& container_id, const std::string& target) {
  return impl_->ReleaseRootfs(container_id, target);
}

absl::StatusOr<FsUsage> LayerStore::Usage() {
  return impl_->Usage();
}

absl::StatusOr<FsUsage> LayerStore::ContainersUsage() {
  return impl_->ContainersUsage();
}

}  // namespace crisp
