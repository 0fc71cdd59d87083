// LayerDecoder: decompresses a layer's blob, which arrives in pieces, and writes the tar into the blocks of a ring.
//
// gzip is decoded by ISA-L, with any number of members and any header (RFC 1952, 2.2 and 2.3), zstd by libzstd, with
// any number of frames (RFC 8878, 3.1). Anything else is treated as an uncompressed tar. The first bytes decide rather
// than the media type, which Docker is known to set wrongly; the diff id proves that the tar is the right one.
//
// Threading: thread-compatible. Errors: DataLoss for data that cannot be decoded, ResourceExhausted beyond a limit, and
// those of the ring.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "images/block_ring.h"
#include "images/digest.h"

namespace crisp {

// Fills the blocks of the ring, and counts and hashes the bytes.
class TarWriter {
 public:
  // `ring` must outlive the object. `blob_bytes` is the size of the blob; a tar that is too many times larger is
  // refused as a decompression bomb. `diff_id` names the algorithm of Digest.
  TarWriter(BlockRing* ring, uint64_t blob_bytes, absl::string_view diff_id)
      : ring_(ring), blob_bytes_(blob_bytes), hash_(diff_id) {}

  // The space to write to next; never empty.
  absl::StatusOr<absl::Span<char>> Space();
  // The first `size` bytes of the last Space are written.
  absl::Status Wrote(size_t size);
  void Flush();

  // The digest of the tar. Call once, last.
  std::string Digest() { return hash_.Finish(); }

 private:
  BlockRing* ring_;
  uint64_t blob_bytes_;
  absl::Span<char> block_;
  size_t used_ = 0;
  uint64_t bytes_ = 0;
  DigestHasher hash_;
};

// A decoder of one kind of compression.
class Inflater {
 public:
  virtual ~Inflater() = default;
  virtual absl::Status Feed(absl::string_view compressed) = 0;
  // The blob has ended. An error if the compressed data is incomplete.
  virtual absl::Status Finish() = 0;
};

class LayerDecoder {
 public:
  explicit LayerDecoder(TarWriter* out) : out_(out) {}

  absl::Status Feed(absl::string_view blob);
  absl::Status Finish();

 private:
  absl::Status Start();

  TarWriter* out_;
  std::string first_;  // the first bytes, until there are enough to tell the compression
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace crisp
