// ImageStore: the implementation of Images. It decides what to fetch; an ImageSource delivers the bytes, and the
// LayerStore unpacks them.
//
// Lists and look-ups read a snapshot that is replaced after each change. They never wait for a pull or the database.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/single_flight.h"
#include "base/warn_once.h"
#include "images/image_counters.h"
#include "images/image_records.h"
#include "images/images.h"
#include "images/layer_store.h"
#include "images/reference.h"

namespace crisp {

class StepLog;

class ImageStore : public Images {
 public:
  // `options.pinned_image` is normalised. `layers` count in `counters`.
  ImageStore(Database* database, ImagesOptions options, std::unique_ptr<ImageCounters> counters,
             std::unique_ptr<LayerStore> layers);

  // Reads the images from the database. Called once, before any other method.
  absl::Status Load();
  // Logs what pulls will fail with for the configuration of their registry.
  void NameFaultsOfRegistries(const RegistryOptions& registry);

  absl::StatusOr<Commit> Prepare(ImagesOptions options) override;
  absl::StatusOr<std::string> Pull(const std::string& reference, const RegistryAuth& auth,
                                   const CallContext& call) override;
  absl::Status ImportLayouts(const std::string& directory, const CallContext& call) override;
  std::shared_ptr<const Image> Find(const std::string& name) override;
  std::vector<std::shared_ptr<const Image>> List() override;
  absl::Status Remove(const std::string& name) override;
  absl::StatusOr<FsUsage> Usage() override { return layers_->Usage(); }
  const ImageCounters& counters() const override { return *counters_; }
  absl::Status MountRootfs(const std::string& image_id, const std::string& container_id, const std::string& target,
                           const RootfsOptions& options) override;
  absl::Status ReleaseRootfs(const std::string& container_id, const std::string& target) override {
    return layers_->ReleaseRootfs(container_id, target);
  }

 private:
  // Immutable.
  struct Snapshot {
    ImageRecords records;
    std::map<std::string, std::string> ids;  // by name
  };

  absl::StatusOr<std::string> PullNow(const Reference& reference, const RegistryAuth& auth, const CallContext& call);
  absl::StatusOr<std::string> PullSteps(const Reference& reference, const RegistryAuth& auth, const CallContext& call,
                                        StepLog& log);
  // Fetches what is missing of the image that `top` leads to, and records it. `tag` may be empty. `parallel` limits the
  // layers at once, see LayerStore::Unpack.
  absl::StatusOr<std::string> TakeIn(ImageSource& source, RawManifest top, const std::string& name,
                                     const std::string& tag, int parallel, const CallContext& call, StepLog& log);
  absl::Status Record(const ImageParts& image, const std::vector<std::string>& chain_ids, const std::string& tag,
                      const std::string& digest);
  absl::Status ImportLayout(const std::string& directory, const CallContext& call);
  absl::Status Pin(const std::string& name);
  std::shared_ptr<const Snapshot> snapshot() const;
  void PinImage(const std::string& name);
  absl::Status Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);

  Database* const database_;
  const bool pin_imported_;
  Reloadable<const RegistryOptions> registry_;
  const std::unique_ptr<ImageCounters> counters_;
  const std::unique_ptr<LayerStore> layers_;
  WarnOnce hosts_warnings_;

  std::string pinned_image_ ABSL_GUARDED_BY(change_);              // a whole name; empty: none
  std::set<std::string> pinned_imports_ ABSL_GUARDED_BY(change_);  // whole names
  Mutex change_;  // held while the database changes and the snapshot is replaced, so that snapshots are in order
  mutable Mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_ ABSL_GUARDED_BY(mutex_);
  SingleFlight<std::string> pulls_;  // last: its destructor waits for pulls that use the other members
};

}  // namespace crisp
