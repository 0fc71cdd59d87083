// The blobs of an OCI image layout: files under blobs/sha256/ that are named for the digest of what is in them
// (OCI image specification 1.1, image-layout.md).
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// "sha256:<hex>" of `data`.
std::string BlobDigest(absl::string_view data);

struct BlobDescriptor {
  std::string media_type;
  std::string digest;
  uint64_t size = 0;
};

class BlobStore {
 public:
  // `directory` is the layout's own; it and blobs/sha256 are made if they are not there.
  static absl::StatusOr<BlobStore> Open(std::string directory);

  // Writes `data` unless it is there already. Not synced: images of tests need not survive a power cut.
  absl::StatusOr<BlobDescriptor> Put(const std::string& media_type, absl::string_view data) const;

 private:
  explicit BlobStore(std::string directory) : directory_(std::move(directory)) {}

  std::string directory_;
};

}  // namespace crisp
