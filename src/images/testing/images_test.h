// The fixture for tests of Images: a store on a temporary directory, in a mount namespace of its own, and a registry
// that the test can script.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "base/testing/status_text.h"
#include "images/images.h"
#include "images/node_images.h"
#include "images/testing/test_registry.h"
#include "os/testing/test_dir.h"
#include "store/database.h"
#include "store/layout.h"
#include "tests/oci/image_layout.h"

namespace crisp {

// An image whose layer N has the file srv/N with this content.
ImageDescription Describe(const std::string& reference, const std::string& content, size_t layers = 1);

// Bytes that cannot be compressed, for a layer that takes long to transfer.
std::string Noise(size_t size);

class ImagesTest : public testing::Test {
 protected:
  void SetUp() override;

  // Opens the store, or opens it again as after a restart.
  void Open();

  // Makes the registry serve `image` as repository:tag.
  WrittenImage Serve(const ImageDescription& image, const std::string& repository, const std::string& tag);
  std::string Ref(const std::string& rest) { return registry_.host() + "/" + rest; }
  absl::StatusOr<std::string> Pull(const std::string& rest, const CallContext& call = CallContext()) {
    return images_->Pull(Ref(rest), {}, call);
  }

  // The number of rows in `table`.
  int64_t Rows(const std::string& table);
  void ExpectNothingHere();
  // An abandoned pull ends soon after its callers have returned.
  void WaitForNothingHere();

  // Holds back every blob until `released_` is set.
  void HoldBlobs();
  // Sends half of this layer, and then nothing more.
  void HangIn(const std::string& layer);
  void WaitUntilHeld();

  TestDir dir_;
  Layout layout_{dir_.path() + "/root", dir_.path() + "/state", true};
  FakeRegistry registry_;
  ImagesOptions options_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<NodeImages> images_;
  std::promise<void> released_;
  std::atomic<int> held_{0};
  int layouts_ = 0;
};

}  // namespace crisp
