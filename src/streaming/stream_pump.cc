#include "streaming/stream_pump.h"

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace crisp {

BlockPool::Block BlockPool::Take() {
  if (kept_.empty()) return Block(new char[kBlock]);
  Block block = std::move(kept_.back());
  kept_.pop_back();
  return block;
}

void BlockPool::Give(const Block& block) {
  if (kept_.size() < kKept) kept_.push_back(block);
}

PipeReader::PipeReader(StreamLoop* loop, BlockPool* pool, std::shared_ptr<PumpedFd> fd, size_t most, Target* target)
    : loop_(loop), pool_(pool), fd_(std::move(fd)), most_(most), target_(target) {}

void PipeReader::Read() {
  BlockPool::Block block = pool_->Take();
  const ssize_t got = read(fd_->get(), block.get(), most_);
  const int error = got < 0 ? errno : 0;
  if (got <= 0) pool_->Give(block);
  if (got < 0 && WouldBlock(error)) {
    fd_->wait().WhenReadable([this, weak = std::weak_ptr<char>(alive_)] {
      if (!weak.expired()) Read();
    });
    return;
  }
  // A terminal without users left returns EIO (pty(7)): its end of file.
  if (got <= 0) return End(error == EIO ? 0 : error);
  bytes_ += static_cast<uint64_t>(got);
  sending_ = true;
  const absl::string_view piece(block.get(), static_cast<size_t>(got));
  target_->OnPiece(piece, [this, weak = std::weak_ptr<char>(alive_), block = std::move(block)] {
    if (weak.expired()) return;
    pool_->Give(block);
    sending_ = false;
    Read();
  });
}

void PipeReader::End(int error) {
  loop_->Post(alive_, [this, error] { target_->OnPipeEnd(error); });
}

void PipeWriter::Open(std::shared_ptr<PumpedFd> fd) {
  fd_ = std::move(fd);
  Drain();
}

void PipeWriter::Break() {
  broken_ = true;
  fd_ = nullptr;
  Drain();
}

void PipeWriter::Write(absl::string_view bytes) {
  if (broken_ || bytes.empty()) return;
  if (queued() == 0 && fd_ != nullptr) bytes.remove_prefix(TryWrite(bytes));
  if (bytes.empty() || broken_) return;
  if (begin_ > queue_.size() / 2) {
    queue_.erase(0, begin_);
    begin_ = 0;
  }
  queue_.append(bytes.data(), bytes.size());
  if (fd_ != nullptr) Drain();
}

void PipeWriter::End(std::function<void()> ended) {
  ended_ = std::move(ended);
  Drain();
}

// The number of bytes written; all of them if the descriptor is broken.
size_t PipeWriter::TryWrite(absl::string_view bytes) {
  const ssize_t put = write(fd_->get(), bytes.data(), bytes.size());
  if (put >= 0) {
    written_ += static_cast<uint64_t>(put);
    return static_cast<size_t>(put);
  }
  if (WouldBlock(errno)) return 0;
  Break();
  return bytes.size();
}

void PipeWriter::Drain() {
  if (waiting_ && !broken_) return;
  const size_t before = queued();
  while (queued() > 0 && fd_ != nullptr && !waiting_) {
    const size_t put = TryWrite(absl::string_view(queue_).substr(begin_));
    if (broken_) return;  // set by TryWrite
    begin_ += put;
    if (put == 0) AwaitRoom();
  }
  if (queued() == 0 || broken_) {
    queue_ = std::string();
    begin_ = 0;
  }
  if (queued() == 0 && (fd_ != nullptr || broken_) && ended_ != nullptr) std::exchange(ended_, nullptr)();
  if (before > queued()) drained_();
}

void PipeWriter::AwaitRoom() {
  waiting_ = true;
  fd_->wait().WhenWritable([this, weak = std::weak_ptr<char>(alive_)] {
    if (weak.expired()) return;
    waiting_ = false;
    Drain();
  });
}

}  // namespace crisp
