#include "images/testing/layer_test.h"

#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/testing/mount_namespace.h"

namespace crisp {

LayerDescriptor MemorySource::Add(const std::string& blob, const std::string& tar, const std::string& algorithm) {
  MutexLock lock(mutex_);
  const std::string digest = DigestOf(blob, algorithm);
  blobs_[digest] = blob;
  return {digest, blob.size(), DigestOf(tar, algorithm)};
}

LayerDescriptor MemorySource::AddGzip(const TarBuilder& tar) {
  return Add(Gzip(tar.Build()), tar.Build());
}

absl::Status MemorySource::Fetch(const LayerDescriptor& layer, const Sink& sink, const CallContext& call) {
  std::string blob;
  {
    MutexLock lock(mutex_);
    ++fetches_[layer.digest];
    const auto found = blobs_.find(layer.digest);
    if (found == blobs_.end()) return absl::NotFoundError("no such blob");
    blob = found->second;
  }
  for (size_t sent = 0; sent < blob.size(); sent += piece_) {
    if (before_) RETURN_IF_ERROR(before_(layer, sent, call));
    RETURN_IF_ERROR(sink(absl::string_view(blob).substr(sent, piece_)));
  }
  return before_ ? before_(layer, blob.size(), call) : absl::OkStatus();
}

int MemorySource::fetches(const LayerDescriptor& layer) {
  MutexLock lock(mutex_);
  return fetches_[layer.digest];
}

void MemorySource::Before(std::function<absl::Status(const LayerDescriptor&, size_t, const CallContext&)> hook) {
  before_ = std::move(hook);
}

void LayerTest::SetUp() {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to mount and to give files away";
  EnterMountNamespace();
  layout_ = std::make_unique<Layout>(dir_ + "/root", dir_ + "/state", true);
  OpenStore();
}

void LayerTest::TearDown() {
  store_.reset();
  database_.reset();
  for (; mounts_ > 0; --mounts_) EXPECT_TRUE(Unmount(absl::StrCat(dir_, "/merged", mounts_)).ok());
}

void LayerTest::OpenStore() {
  store_.reset();
  if (database_ == nullptr) {
    ASSERT_EQ(MakeDirs(layout_->root(), 0711), absl::OkStatus());
    auto database = Database::Open(layout_->Database());
    ASSERT_EQ(database.status(), absl::OkStatus());
    database_ = *std::move(database);
  }
  auto store = LayerStore::Open(*layout_, database_.get(), &counters_, keep_unused_);
  ASSERT_EQ(store.status(), absl::OkStatus());
  store_ = *std::move(store);
}

void LayerTest::LoseDatabase() {
  store_.reset();
  database_.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) unlink((layout_->Database() + suffix).c_str());
}

absl::StatusOr<LayerLease> LayerTest::Unpack(const std::vector<LayerDescriptor>& layers, int parallel) {
  return store_->Unpack(layers, source_, parallel, CallContext());
}

std::map<std::string, std::string> LayerTest::Merged(const std::vector<TarBuilder>& tars) {
  std::vector<LayerDescriptor> layers;
  for (const TarBuilder& tar : tars) layers.push_back(source_.AddGzip(tar));
  const absl::StatusOr<LayerLease> lease = Unpack(layers);
  EXPECT_EQ(lease.status(), absl::OkStatus());
  if (!lease.ok()) return {};
  const std::string target = absl::StrCat(dir_, "/merged", ++mounts_);
  EXPECT_EQ(MakeDirs(target, 0755), absl::OkStatus());
  EXPECT_EQ(store_->MountRootfs(lease->chain_ids(), absl::StrCat("c", mounts_), target), absl::OkStatus());
  return ListTree(target);
}

absl::Status LayerTest::Refusal(const std::vector<TarBuilder>& tars) {
  std::vector<LayerDescriptor> layers;
  for (const TarBuilder& tar : tars) layers.push_back(source_.AddGzip(tar));
  const absl::Status status = Unpack(layers).status();
  ExpectNothingLeft();
  return status;
}

void LayerTest::ExpectNothingLeft() {
  EXPECT_EQ(store_->CollectGarbage(), absl::OkStatus());
  EXPECT_EQ(Names(layout_->Layers()), std::vector<std::string>());
  EXPECT_EQ(Names(layout_->Ingests()), std::vector<std::string>());
  EXPECT_EQ(store_->Usage()->inodes_used, 0u);
}

void LayerTest::RecordImage(const std::string& id, const std::vector<std::string>& chain_ids) {
  ASSERT_EQ(database_->Run("INSERT INTO images (id, config, size) VALUES (?, '{}', 1)", id), absl::OkStatus());
  for (size_t i = 0; i < chain_ids.size(); ++i) {
    ASSERT_EQ(database_->Run("INSERT INTO image_layers (image_id, position, chain_id) VALUES (?, ?, ?)", id,
                             static_cast<int64_t>(i), chain_ids[i]),
              absl::OkStatus());
  }
}

std::string LayerTest::LayerPath(const std::string& chain_id) {
  std::string name;
  EXPECT_EQ(database_->Query(
                "SELECT name FROM layers WHERE chain_id = ?", [&](const Row& row) { name = row.Text(0); }, chain_id),
            absl::OkStatus());
  return layout_->Layer(name);
}

std::vector<std::string> LayerTest::Names(const std::string& directory) {
  return ListDir(directory).value_or(std::vector<std::string>{"cannot be listed"});
}

}  // namespace crisp
