// LayerStore: the unpacked layers of this node, and the root file systems made of them.
//
// Each layer is a directory `layers/<n>`, ready to be a lower directory of an overlay. The result of unpacking can
// depend on the layers below, so layers are identified by their chain id (OCI image specification 1.1, config.md,
// "Layer ChainID"), the digest of a layer and of all layers below it. A layer that did not look at those below is
// recorded by its diff id instead, and serves on every base. Compressed blobs are not kept.
//
// Layers that nothing refers to are removed when an operation ends that could have left them. Those that are there at a
// start, and those that could not be removed, are removed after a while (LayerSweeper).
//
// Ownership: the Database must outlive the store. No other process and no other store may use the directories under
// `layout`. Leases may outlive the store.
// Threading: all methods from any thread. Unpack blocks until it is done, and runs two threads for each layer.
// Errors: DataLoss for a blob that does not match its descriptor or is not a layer (the text has the digest and the
// reason); ResourceExhausted for a layer beyond a limit of layer_limits.h; Cancelled and DeadlineExceeded of `call`;
// any error of the LayerSource; Internal, with the errno attached (ErrnoOf), for faults of the machine. An operation
// that fails leaves nothing behind, on disk or on record.
#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "images/images.h"
#include "images/layer_lease.h"
#include "images/layer_source.h"
#include "images/layer_sweeper.h"
#include "images/node_images.h"
#include "store/layout.h"

namespace crisp {

class Database;
struct FlightBoard;
struct ImageCounters;
class LayerCatalog;
class PullProgress;
class StepLog;

// A directory that a pull or a load works in. It goes with the object, or at the next start of the daemon.
class WorkDir {
 public:
  explicit WorkDir(std::string path) : path_(std::move(path)) {}
  WorkDir(WorkDir&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  WorkDir& operator=(WorkDir&&) = delete;
  ~WorkDir();

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Layers that cannot go as long as this exists.
struct HeldLayers {
  LayerLease lease;
  std::vector<std::string> directories;  // the lowest first
};

// The chain ids of layers with these diff ids, lowest first.
std::vector<std::string> ChainIds(const std::vector<std::string>& diff_ids);

class LayerStore {
 public:
  // Creates the directories, and recovers from what an earlier daemon left (layer_recovery.h). Unused layers are kept
  // for `keep_unused`, for a pull that needs them. `counters` must outlive the store.
  static absl::StatusOr<std::unique_ptr<LayerStore>> Open(
      Layout layout, Database* database, ImageCounters* counters,
      std::chrono::nanoseconds keep_unused = std::chrono::minutes(5));
  ~LayerStore();
  LayerStore(const LayerStore&) = delete;
  LayerStore& operator=(const LayerStore&) = delete;

  // Makes every layer (lowest first) unpacked, durable and recorded; the lease has their ids. At most `parallel` at
  // once (0 or less: no limit). Layers that exist are not fetched. If another Unpack is at work on a layer, this one
  // waits for it, and takes the layer over if the other fails or is cancelled. The steps of each layer in `log`, unless
  // that is null, are "fetch", "unpack" (the two run side by side) and "commit". `progress`, unless null, has nothing
  // of the layers yet, and gets them. The caller records the image while it holds the lease. If recording fails, it
  // releases the lease and then calls CollectGarbage.
  absl::StatusOr<LayerLease> Unpack(const std::vector<LayerDescriptor>& layers, LayerSource& source, int parallel,
                                    const CallContext& call, StepLog* log = nullptr, PullProgress* progress = nullptr);

  // Removes the layers that no image, root file system or lease refers to.
  absl::Status CollectGarbage();

  // Mounts an overlay of these layers (lowest first; none: an empty root) on the directory `target`, with an empty
  // writable layer unless it is read-only. The record is written before the mount. A container has one root file system
  // in its life.
  absl::Status MountRootfs(const std::vector<std::string>& chain_ids, const std::string& container_id,
                           const std::string& target, const RootfsOptions& options = {});

  // Unmounts the root file system, removes its writable layer and its record, and collects garbage. OK if there is
  // none. After an interruption at any point, another call finishes the work.
  absl::Status ReleaseRootfs(const std::string& container_id, const std::string& target);

  // What is on record of layers with these ids. Internal if one does not exist.
  absl::StatusOr<std::vector<ImageLayer>> Describe(const std::vector<std::string>& chain_ids);

  std::vector<ImageLayer> All();
  // Internal if one of them does not exist.
  absl::StatusOr<HeldLayers> Hold(const std::vector<std::string>& chain_ids);
  absl::StatusOr<WorkDir> MakeWorkDir();
  // The ids of the layers that root file systems are made of.
  absl::StatusOr<std::set<std::string>> InRootfs();

  // Disk usage of the layers, in blocks of 4 KiB and inodes, as counted while they were unpacked. Reads no directory.
  absl::StatusOr<FsUsage> Usage();

 private:
  LayerStore(Layout layout, Database* database, ImageCounters* counters, std::chrono::nanoseconds keep_unused);
  absl::StatusOr<std::vector<std::string>> IdsOf(const std::vector<std::string>& chain_ids,
                                                 const std::vector<std::string>& diff_ids);
  absl::Status Sweep();

  const Layout layout_;
  Database* const database_;
  ImageCounters* const counters_;
  const LayerLeases leases_;
  const std::unique_ptr<FlightBoard> board_;
  std::unique_ptr<LayerCatalog> catalog_;
  LayerSweeper sweeper_;  // last: it uses the others
};

}  // namespace crisp
