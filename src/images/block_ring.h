// BlockRing: a bounded queue of blocks from the thread that receives and decompresses a layer to the thread that
// unpacks it. Blocks are filled and read in place. A full ring blocks the producer, and thereby the registry's socket.
//
// Threading: one producer and one consumer. Neither can block the other for ever: the producer always ends with
// Finish, the consumer with Stop, and both wake a waiting thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/mutex.h"

namespace crisp {

class BlockRing {
 public:
  // `blocks` is at least two, so that one can be read while another is filled.
  BlockRing(size_t blocks, size_t block_bytes);

  // Producer. Waits for a free block and returns it. Returns the same block again until it is published. The error is
  // that of Stop.
  absl::StatusOr<absl::Span<char>> Reserve();
  // Producer. Passes the first `used` bytes of the reserved block to the consumer.
  void Publish(size_t used);
  // Producer. No more blocks follow. An error reaches the consumer at once, ahead of blocks that it has not read.
  void Finish(absl::Status status);

  // Consumer. The next block, valid until the next call; empty at the end. Waits.
  absl::StatusOr<absl::string_view> Next();
  // Consumer. Ends the reading; Reserve then returns `why`, which is not OK.
  void Stop(absl::Status why);

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;  // allocated when first used
    size_t used = 0;
  };

  const size_t block_bytes_;
  std::vector<Block> blocks_;

  Mutex mutex_;
  CondVar changed_;
  // Blocks [read_, written_), modulo their number, are full; the consumer may still be at block read_ - 1.
  size_t written_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t read_ ABSL_GUARDED_BY(mutex_) = 0;
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> finished_ ABSL_GUARDED_BY(mutex_);
  absl::Status stopped_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
