#include "images/layer_store.h"

#include <gtest/gtest.h>

#include "images/testing/layer_test.h"
#include "os/file.h"

namespace crisp {
namespace {

class LayerStoreTest : public LayerTest {};

TEST_F(LayerStoreTest, AGzipTarBecomesARootFileSystem) {
  TarBuilder tar;
  tar.Dir("etc", 0750, 3, 4).File("etc/hello", "hello", 0640);
  const auto tree = Merged({tar});
  EXPECT_EQ(tree.at(""), "040755 0:0");
  EXPECT_EQ(tree.at("etc"), "040750 3:4");
  EXPECT_EQ(tree.at("etc/hello"), "100640 0:0 1000000000.0 5 \"hello\"");
  EXPECT_EQ(tree.size(), 3u);
}

}  // namespace
}  // namespace crisp
