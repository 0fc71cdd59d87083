// LayerDecoder: a layer's blob, fed in pieces as they come, into the blocks of a ring, as a tar.
//
// gzip by ISA-L, members one after another (RFC 1952, 2.2); zstd by libzstd, frames likewise (RFC 8878, 3.1); anything
// else is taken for a plain tar. The first bytes decide, not the media type: Docker's media types are known to be wrong
// (and that the tar is the right one, its diff id says).
//
// Threading: thread-compatible. Errors: DataLoss for what cannot be decoded, ResourceExhausted past a limit, and what
// the ring says.
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

// Fills the ring's blocks, and counts and hashes what it puts there.
class TarWriter {
 public:
  // `ring` must outlive it. `blob_bytes` is what the whole tar comes from: the measure of a bomb. `diff_id` is what
  // Digest will be held against; it names the algorithm.
  TarWriter(BlockRing* ring, uint64_t blob_bytes, absl::string_view diff_id)
      : ring_(ring), blob_bytes_(blob_bytes), hash_(diff_id) {}

  // Where to write next; never empty.
  absl::StatusOr<absl::Span<char>> Space();
  // The first `size` bytes of the last Space are written.
  absl::Status Wrote(size_t size);
  void Flush();

  uint64_t bytes() const { return bytes_; }
  // Ends it.
  std::string Digest() { return hash_.Finish(); }

 private:
  BlockRing* ring_;
  uint64_t blob_bytes_;
  absl::Span<char> block_;
  size_t used_ = 0;
  uint64_t bytes_ = 0;
  DigestHasher hash_;
};

// One compression.
class Inflater {
 public:
  virtual ~Inflater() = default;
  virtual absl::Status Feed(absl::string_view compressed) = 0;
  // The blob has ended; an error if what it holds has not.
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
  std::string first_;  // the first bytes, until there are enough to know what they are
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace crisp
