// What the tests of layers share: a store on a temporary directory, in a mount namespace of its own, and a source of
// blobs in memory.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "images/image_counters.h"
#include "images/layer_source.h"
#include "images/layer_store.h"
#include "images/testing/tar_builder.h"
#include "images/testing/tree_listing.h"
#include "os/testing/test_dir.h"
#include "store/database.h"

namespace crisp {

class MemorySource : public LayerSource {
 public:
  // Adds a blob as a layer of what `tar` is. Its descriptor can then be falsified.
  LayerDescriptor Add(const std::string& blob, const std::string& tar, const std::string& algorithm = "sha256");
  LayerDescriptor AddGzip(const TarBuilder& tar);

  absl::Status Fetch(const LayerDescriptor& layer, const Sink& sink, const CallContext& call) override;

  int fetches(const LayerDescriptor& layer);
  // Called in Fetch before each piece of the layer's blob, with what has been sent by then.
  void Before(std::function<absl::Status(const LayerDescriptor&, size_t sent, const CallContext&)> hook);
  void set_piece(size_t bytes) { piece_ = bytes; }

 private:
  Mutex mutex_;
  std::map<std::string, std::string> blobs_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> fetches_ ABSL_GUARDED_BY(mutex_);
  std::function<absl::Status(const LayerDescriptor&, size_t, const CallContext&)> before_;
  size_t piece_ = 10000;
};

class LayerTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  void OpenStore();
  // With the directories of the store as they are now, and another database.
  void LoseDatabase();

  absl::StatusOr<LayerLease> Unpack(const std::vector<LayerDescriptor>& layers, int parallel = 3);
  // Unpacks these tars as layers of one image, mounts it, and lists it. Fails the test if anything does.
  std::map<std::string, std::string> Merged(const std::vector<TarBuilder>& tars);
  // The error of unpacking these tars, with a check that nothing is left of them.
  absl::Status Refusal(const std::vector<TarBuilder>& tars);
  void ExpectNothingLeft();

  // As a manifest and a config would, so that the layers outlive the lease.
  void RecordImage(const std::string& id, const std::vector<std::string>& chain_ids);
  std::string LayerPath(const std::string& chain_id);
  std::vector<std::string> Names(const std::string& directory);

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  std::unique_ptr<Layout> layout_;
  std::unique_ptr<Database> database_;
  std::chrono::nanoseconds keep_unused_ = std::chrono::minutes(5);
  ImageCounters counters_;
  std::unique_ptr<LayerStore> store_;
  MemorySource source_;
  int mounts_ = 0;
};

}  // namespace crisp
