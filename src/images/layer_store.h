// LayerStore: the unpacked layers of this node, and the root file systems made of them.
//
// A layer is kept as a directory `layers/<n>`, ready to be a lower directory of an overlay, under its chain id (OCI
// image specification 1.1, config.md, "Layer ChainID"): the digest of the layer and of all that is below it, because
// what a layer unpacks to can depend on what it lies on. Compressed blobs are not kept.
//
// Ownership: the Database and the directories under `layout` must outlive the store; no other process and no other
// store may use them. Leases may outlive the store.
// Threading: all methods from any thread. Unpack blocks as long as it takes, two threads a running layer.
// Errors: DataLoss for a blob that is not what its descriptor says or is no layer (the text names the digest and what
// is wrong with it); ResourceExhausted for one that goes past a limit of layer_limits.h; Cancelled and DeadlineExceeded
// as `call` says; whatever the LayerSource answered; Internal, with the errno attached (ErrnoOf), for the machine's own
// faults. What fails leaves nothing behind, neither on disk nor on record.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call.h"
#include "base/mutex.h"
#include "images/images.h"
#include "store/layout.h"

namespace crisp {

class Database;
struct FlightBoard;
class LayerCatalog;

// One layer as a manifest and a config name it. Whether it is packed, and how, its first bytes say.
struct LayerDescriptor {
  std::string digest;   // "sha256:<hex>" of the blob as the registry stores it
  uint64_t size = 0;    // bytes of the blob
  std::string diff_id;  // "sha256:<hex>" of the tar in it
};

class LayerSource {
 public:
  using Sink = std::function<absl::Status(absl::string_view)>;

  virtual ~LayerSource() = default;

  // Sends the blob's bytes in order to `sink`. Called from several threads at once, for different layers. `sink` may
  // block for as long as the disk, or the layers below, take: that is not the registry's silence and must not be
  // counted as such. An error of `sink` ends it and is returned. Ends soon after `call` is over.
  virtual absl::Status Fetch(const LayerDescriptor& layer, const Sink& sink, const Call& call) = 0;
};

// Keeps layers from being collected, as long as it lives. Movable; thread-compatible.
class LayerLease {
 public:
  LayerLease() = default;
  LayerLease(LayerLease&&) = default;
  LayerLease& operator=(LayerLease&& other) noexcept;
  ~LayerLease();

  const std::vector<std::string>& chain_ids() const { return chain_ids_; }  // lowest first

 private:
  friend class LayerStore;
  // How many leases hold a chain id; of the store, and kept by the leases that outlive it.
  struct Table {
    Mutex mutex;
    std::map<std::string, int> holders ABSL_GUARDED_BY(mutex);
  };
  LayerLease(std::shared_ptr<Table> table, std::vector<std::string> chain_ids);
  void Release();

  std::shared_ptr<Table> table_;
  std::vector<std::string> chain_ids_;
};

// The chain ids of layers with these diff ids, lowest first.
std::vector<std::string> ChainIds(const std::vector<std::string>& diff_ids);

class LayerStore {
 public:
  // Makes the directories, and sweeps what an earlier daemon left: half unpacked layers, layer directories that were
  // never finished, records of layers whose directory is gone (with the images that need them). A finished layer that
  // the database does not know, because it was lost, is taken in again, and so is what each container stands on.
  static absl::StatusOr<std::unique_ptr<LayerStore>> Open(Layout layout, Database* database);
  ~LayerStore();
  LayerStore(const LayerStore&) = delete;
  LayerStore& operator=(const LayerStore&) = delete;

  // Makes sure that every layer (lowest first) is unpacked, durable and recorded, at most `parallel` at once (0 or
  // less: no limit). Layers that are there are not fetched. A layer that another Unpack is at is waited for; if that
  // one fails or is cancelled, this one takes the layer over. The caller records the image before it lets go of the
  // lease; a caller that then fails calls CollectGarbage after it.
  absl::StatusOr<LayerLease> Unpack(const std::vector<LayerDescriptor>& layers, LayerSource& source, int parallel,
                                    const Call& call);

  // Removes the layers that no image, no root file system and no lease refers to.
  absl::Status CollectGarbage();

  // Mounts an overlay of these layers (lowest first) and, unless it is read-only, an empty writable layer on `target`,
  // a directory. On record before it is mounted. Each container has one root file system in its life.
  absl::Status MountRootfs(const std::vector<std::string>& chain_ids, const std::string& container_id,
                           const std::string& target, const RootfsOptions& options = {});

  // Unmounts it, and removes the writable layer, the record, and the layers that nothing else needs. OK if there is
  // none. Broken off at any point, it is finished by calling it again.
  absl::Status ReleaseRootfs(const std::string& container_id, const std::string& target);

  // What the layers take, as counted when they were unpacked: whole blocks of 4 KiB and inodes. Reads no directory.
  absl::StatusOr<FsUsage> Usage();

 private:
  LayerStore(Layout layout, Database* database);

  const Layout layout_;
  Database* const database_;
  const std::shared_ptr<LayerLease::Table> leases_;
  const std::unique_ptr<FlightBoard> board_;
  std::unique_ptr<LayerCatalog> catalog_;
};

}  // namespace crisp
