#include "images/block_ring.h"

#include <algorithm>
#include <utility>

namespace crisp {

BlockRing::BlockRing(size_t blocks, size_t block_bytes)
    : block_bytes_(block_bytes), blocks_(std::max<size_t>(blocks, 2)) {}

absl::StatusOr<absl::Span<char>> BlockRing::Reserve() {
  MutexLock lock(mutex_);
  while (stopped_.ok() && written_ - read_ + (reading_ ? 1 : 0) >= blocks_.size()) changed_.Wait(mutex_);
  if (!stopped_.ok()) return stopped_;
  Block& block = blocks_[written_ % blocks_.size()];
  if (block.bytes == nullptr) block.bytes = std::make_unique_for_overwrite<char[]>(block_bytes_);
  return absl::MakeSpan(block.bytes.get(), block_bytes_);
}

void BlockRing::Publish(size_t used) {
  if (used == 0) return;
  MutexLock lock(mutex_);
  blocks_[written_ % blocks_.size()].used = used;
  ++written_;
  changed_.NotifyAll();
}

void BlockRing::Finish(absl::Status status) {
  MutexLock lock(mutex_);
  if (!finished_.has_value()) finished_ = std::move(status);
  changed_.NotifyAll();
}

absl::StatusOr<absl::string_view> BlockRing::Next() {
  MutexLock lock(mutex_);
  if (std::exchange(reading_, false)) changed_.NotifyAll();
  while (written_ == read_ && !finished_.has_value()) changed_.Wait(mutex_);
  if (finished_.has_value() && !finished_->ok()) return *finished_;
  if (written_ == read_) return absl::string_view();
  const Block& block = blocks_[read_++ % blocks_.size()];
  reading_ = true;
  return absl::string_view(block.bytes.get(), block.used);
}

void BlockRing::Stop(absl::Status why) {
  MutexLock lock(mutex_);
  stopped_ = std::move(why);
  changed_.NotifyAll();
}

}  // namespace crisp
