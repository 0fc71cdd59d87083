#include "images/layer_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "images/layer_catalog.h"
#include "images/layer_limits.h"
#include "images/layer_pull.h"
#include "images/rootfs.h"
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
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> ChainIds(const std::vector<std::string>& diff_ids) {
  std::vector<std::string> chain_ids;
  for (const std::string& diff_id : diff_ids) {
    chain_ids.push_back(chain_ids.empty() ? diff_id : DigestOf(absl::StrCat(chain_ids.back(), " ", diff_id)));
  }
  return chain_ids;
}

LayerStore::LayerStore(Layout layout, Database* database, ImageCounters* counters, std::chrono::nanoseconds keep_unused)
    : layout_(std::move(layout)),
      database_(database),
      counters_(counters),
      board_(std::make_unique<FlightBoard>()),
      sweeper_(keep_unused, [this] { return Sweep(); }) {}

LayerStore::~LayerStore() = default;

absl::StatusOr<std::unique_ptr<LayerStore>> LayerStore::Open(Layout layout, Database* database, ImageCounters* counters,
                                                             std::chrono::nanoseconds keep_unused) {
  std::unique_ptr<LayerStore> store(new LayerStore(std::move(layout), database, counters, keep_unused));
  const auto is_held = [leases = store->leases_](const std::string& chain_id) { return leases.IsHeld(chain_id); };
  ASSIGN_OR_RETURN(store->catalog_, LayerCatalog::Open(store->layout_, database, is_held));
  if (store->catalog_->left_unused()) store->sweeper_.Schedule();
  return store;
}

absl::StatusOr<LayerLease> LayerStore::Unpack(const std::vector<LayerDescriptor>& layers, LayerSource& source,
                                              int parallel, const CallContext& call, StepLog* log,
                                              PullProgress* progress) {
  RETURN_IF_ERROR(CheckDescriptors(layers));
  std::vector<std::string> diff_ids, possible;
  for (const LayerDescriptor& layer : layers) diff_ids.push_back(layer.diff_id);
  const std::vector<std::string> chain_ids = ChainIds(diff_ids);
  possible = chain_ids;
  for (const std::string& diff_id : diff_ids) possible.push_back(AnyBaseId(diff_id));
  // Leased before the look-up, so that a layer that is found cannot be collected.
  LayerLease all = leases_.Take(std::move(possible));
  LayerPull pull(layers, chain_ids, &source, parallel, &call, &layout_, catalog_.get(), board_.get(), counters_, log,
                 progress);
  absl::Status status = pull.Run();
  if (status.ok()) {
    absl::StatusOr<std::vector<std::string>> ids = IdsOf(chain_ids, diff_ids);
    if (ids.ok()) return leases_.Take(*std::move(ids));
    status = ids.status();
  }
  all = LayerLease();
  return Join(status, CollectGarbage());
}

// The ids under which the layers are recorded.
absl::StatusOr<std::vector<std::string>> LayerStore::IdsOf(const std::vector<std::string>& chain_ids,
                                                           const std::vector<std::string>& diff_ids) {
  std::vector<std::string> ids;
  for (size_t i = 0; i < chain_ids.size(); ++i) {
    const std::optional<LayerRow> row = catalog_->Find(chain_ids[i], diff_ids[i]);
    if (!row.has_value()) return absl::InternalError(absl::StrCat("layer ", diff_ids[i], " has disappeared"));
    ids.push_back(row->chain_id);
  }
  return ids;
}

absl::Status LayerStore::CollectGarbage() {
  const absl::Status status = catalog_->CollectGarbage();
  if (catalog_->left_unused()) sweeper_.Schedule();
  return status;
}

// An error makes the sweeper try again.
absl::Status LayerStore::Sweep() {
  const uint64_t before = catalog_->Usage().used_bytes;
  RETURN_IF_ERROR(catalog_->CollectGarbage());
  const uint64_t after = catalog_->Usage().used_bytes;
  if (after < before) LogInfo("removed layers of no image", {{"bytes", before - after}});
  return catalog_->left_unused() ? absl::UnavailableError("unused layers are in use by a call") : absl::OkStatus();
}

absl::Status LayerStore::MountRootfs(const std::vector<std::string>& chain_ids, const std::string& container_id,
                                     const std::string& target, const RootfsOptions& options) {
  const LayerLease lease = leases_.Take(chain_ids);
  std::vector<LayerRow> rows;
  for (const std::string& chain_id : chain_ids) {
    std::optional<LayerRow> row = catalog_->Find(chain_id);
    if (!row.has_value()) return absl::InternalError(absl::StrCat("layer ", chain_id, " does not exist"));
    rows.push_back(*std::move(row));
  }
  return MakeRootfs(layout_, database_, rows, container_id, target, options);
}

absl::Status LayerStore::ReleaseRootfs(const std::string& container_id, const std::string& target) {
  RETURN_IF_ERROR(RemoveRootfs(layout_, database_, container_id, target));
  return CollectGarbage();
}

absl::StatusOr<std::vector<ImageLayer>> LayerStore::Describe(const std::vector<std::string>& chain_ids) {
  std::vector<ImageLayer> layers;
  for (const std::string& chain_id : chain_ids) {
    const std::optional<LayerRow> row = catalog_->Find(chain_id);
    if (!row.has_value()) return absl::InternalError(absl::StrCat("layer ", chain_id, " does not exist"));
    layers.push_back({chain_id, row->diff_id, row->compressed_size, row->bytes});
  }
  return layers;
}

std::vector<ImageLayer> LayerStore::All() {
  std::vector<ImageLayer> layers;
  for (const LayerRow& row : catalog_->All()) {
    layers.push_back({row.chain_id, row.diff_id, row.compressed_size, row.bytes});
  }
  return layers;
}

WorkDir::~WorkDir() {
  if (path_.empty()) return;
  const absl::Status removed = RemoveTree(path_);
  if (!removed.ok()) {
    LogWarning("a directory is left until crispd starts again", {{"path", path_}, {"error", removed.message()}});
  }
}

absl::StatusOr<WorkDir> LayerStore::MakeWorkDir() {
  std::string path = layout_.Ingest(catalog_->NewName());
  RETURN_IF_ERROR(MakeDirs(path, 0700));
  return WorkDir(std::move(path));
}

absl::StatusOr<HeldLayers> LayerStore::Hold(const std::vector<std::string>& chain_ids) {
  HeldLayers held{leases_.Take(chain_ids), {}};
  for (const std::string& chain_id : chain_ids) {
    const std::optional<LayerRow> row = catalog_->Find(chain_id);
    if (!row.has_value()) return absl::InternalError(absl::StrCat("layer ", chain_id, " does not exist"));
    held.directories.push_back(layout_.Layer(row->name));
  }
  return held;
}

absl::StatusOr<std::set<std::string>> LayerStore::InRootfs() {
  std::set<std::string> ids;
  RETURN_IF_ERROR(database_->Query("SELECT DISTINCT chain_id FROM rootfs_layers",
                                   [&](const Row& row) { ids.insert(row.Text(0)); }));
  return ids;
}

absl::StatusOr<FsUsage> LayerStore::Usage() {
  return catalog_->Usage();
}

}  // namespace crisp
