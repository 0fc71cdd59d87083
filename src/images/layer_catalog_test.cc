#include "images/layer_catalog.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "store/database.h"
#include "store/testing/sqlite_writes.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kPatience{20};

std::string ChainId(char c) {
  return absl::StrCat("sha256:", std::string(64, c));
}

class LayerCatalogTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root, to set attributes of the class trusted";
    ASSERT_TRUE(MakeDirs(layout_.root(), 0711).ok());
    database_ = *Database::Open(layout_.Database());
    catalog_ = *LayerCatalog::Open(layout_, database_.get(),
                                   [this](const std::string& chain_id) { return held_.contains(chain_id); });
  }

  // Adds an empty layer that nothing refers to.
  void AddLayer(const std::string& chain_id) {
    const std::string name = catalog_->NewName();
    ASSERT_TRUE(MakeDirs(layout_.Ingest(name), 0700).ok());
    const Fd directory = *OpenAt(AT_FDCWD, layout_.Ingest(name), O_RDONLY | O_DIRECTORY);
    ASSERT_EQ(catalog_->Add({.chain_id = chain_id, .name = name, .diff_id = chain_id}, directory.get()),
              absl::OkStatus());
  }

  const TestDir temporary_;
  const Layout layout_{temporary_.path() + "/root", temporary_.path() + "/state", true};
  SqliteWrites writes_;
  std::set<std::string> held_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<LayerCatalog> catalog_;
};

TEST_F(LayerCatalogTest, ACommitThatTakesItsTimeDelaysNoLookUp) {
  AddLayer(ChainId('a'));
  AddLayer(ChainId('b'));
  held_ = {ChainId('b')};
  writes_.Hold();
  std::future<absl::Status> collected = std::async(std::launch::async, [&] { return catalog_->CollectGarbage(); });
  writes_.AwaitHeld();
  std::future<bool> found = std::async(std::launch::async, [&] {
    return catalog_->Find(ChainId('b')).has_value() && !catalog_->Find(ChainId('a')).has_value() &&
           !catalog_->NewName().empty();
  });
  EXPECT_EQ(found.wait_for(kPatience), std::future_status::ready) << "it waits for the commit";
  writes_.Release();
  EXPECT_TRUE(found.get());
  EXPECT_EQ(collected.get(), absl::OkStatus());
  EXPECT_EQ(ListDir(layout_.Layers())->size(), 1u);
}

TEST_F(LayerCatalogTest, ALayerIsRemovedAlsoWhileTheDatabaseCannotBeWritten) {
  AddLayer(ChainId('a'));
  writes_.Fail(ENOSPC);
  EXPECT_EQ(catalog_->CollectGarbage(), absl::OkStatus());
  EXPECT_FALSE(catalog_->Find(ChainId('a')).has_value());
  EXPECT_TRUE(ListDir(layout_.Layers())->empty());
  writes_.Release();
  EXPECT_EQ(catalog_->CollectGarbage(), absl::OkStatus());
}

TEST_F(LayerCatalogTest, ALayerThatIsFetchedAgainDuringItsRemovalIsThereAfterIt) {
  AddLayer(ChainId('a'));
  writes_.Hold();
  std::future<absl::Status> collected = std::async(std::launch::async, [&] { return catalog_->CollectGarbage(); });
  writes_.AwaitHeld();
  std::thread again([&] { AddLayer(ChainId('a')); });
  writes_.Release();
  again.join();
  EXPECT_EQ(collected.get(), absl::OkStatus());
  const std::optional<LayerRow> row = catalog_->Find(ChainId('a'));
  ASSERT_TRUE(row.has_value());
  EXPECT_TRUE(Exists(layout_.Layer(row->name)));
  EXPECT_EQ(ListDir(layout_.Layers())->size(), 1u);
}

}  // namespace
}  // namespace crisp
