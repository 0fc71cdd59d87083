// FakeImages: two images that are always there, and a set in place of mounts.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "images/image_counters.h"
#include "images/images.h"
#include "sandbox/testing/steps.h"
#include "store/layout.h"

namespace crisp {

class FakeImages : public Images {
 public:
  FakeImages(Layout layout, Steps* steps);

  // Until then Find finds nothing.
  void ForgetImages();
  std::set<std::string> mounted() const;

  absl::StatusOr<Commit> Prepare(ImagesOptions) override {
    return Commit([] {});
  }
  absl::StatusOr<std::string> Pull(const std::string& reference, const RegistryAuth& auth,
                                   const CallContext& call) override;
  absl::Status ImportLayouts(const std::string&, const CallContext&) override { return absl::OkStatus(); }
  std::shared_ptr<const Image> Find(const std::string& name) override;
  std::vector<std::shared_ptr<const Image>> List() override { return {image_}; }
  absl::Status Remove(const std::string&) override { return absl::OkStatus(); }
  absl::StatusOr<FsUsage> Usage() override { return FsUsage(); }
  const ImageCounters& counters() const override { return counters_; }
  absl::Status MountRootfs(const std::string& image_id, const std::string& container_id, const std::string& target,
                           const RootfsOptions& options) override;
  absl::Status ReleaseRootfs(const std::string& container_id, const std::string& target) override;

 private:
  const Layout layout_;
  Steps* const steps_;
  ImageCounters counters_;
  std::shared_ptr<const Image> image_;
  mutable Mutex mutex_;
  bool pulled_ ABSL_GUARDED_BY(mutex_) = true;
  std::set<std::string> mounted_ ABSL_GUARDED_BY(mutex_);  // ids of containers
};

}  // namespace crisp
