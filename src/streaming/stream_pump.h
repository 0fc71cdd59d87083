// PipeReader and PipeWriter: pump bytes between the client and pipes, terminals and sockets.
//
// Threading: the StreamLoop's thread only. The destructor ends the work; no callback runs after it. Descriptors are
// non-blocking. A reader has one block in flight and reads the next when that is sent: this is the back-pressure, and
// it bounds the memory of a slow client.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "os/fd.h"
#include "streaming/stream_loop.h"

namespace crisp {

// A descriptor with its FdWait, shared by a reader and a writer of the same descriptor.
class PumpedFd {
 public:
  PumpedFd(StreamLoop* loop, Fd fd) : fd_(std::move(fd)), wait_(loop, fd_.get()) {}
  int get() const { return fd_.get(); }
  FdWait& wait() { return wait_; }

 private:
  const Fd fd_;
  FdWait wait_;
};

// Buffers for bytes in flight, reused between streams: an idle stream holds none.
class BlockPool {
 public:
  static constexpr size_t kBlock = 256 << 10;
  using Block = std::shared_ptr<char[]>;  // shared with the send in progress

  Block Take();
  void Give(const Block& block);

 private:
  static constexpr size_t kKept = 8;
  std::vector<Block> kept_;
};

class PipeReader {
 public:
  class Target {
   public:
    virtual ~Target() = default;
    // `bytes` stay valid while a copy of `sent` exists. The owner calls `sent` once they are sent, on the loop's thread
    // and not inside this call.
    virtual void OnPiece(absl::string_view bytes, std::function<void()> sent) = 0;
    // Called once, at the end: `error` is 0 at end of file, else the errno of the failed read.
    virtual void OnPipeEnd(int error) = 0;
  };

  // Reads up to `most` bytes at once, at most BlockPool::kBlock.
  PipeReader(StreamLoop* loop, BlockPool* pool, std::shared_ptr<PumpedFd> fd, size_t most, Target* target);
  PipeReader(const PipeReader&) = delete;
  PipeReader& operator=(const PipeReader&) = delete;

  void Start() { Read(); }
  uint64_t bytes() const { return bytes_; }
  bool sending() const { return sending_; }  // a block is in flight

 private:
  void Read();
  void End(int error);

  StreamLoop* const loop_;
  BlockPool* const pool_;
  const std::shared_ptr<PumpedFd> fd_;
  const size_t most_;
  Target* const target_;
  bool sending_ = false;
  uint64_t bytes_ = 0;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

// Accepts bytes at any time, also before it has a descriptor, and queues what the descriptor does not take at once. The
// user must stop writing while too much is queued.
class PipeWriter {
 public:
  // Calls `drained` when queued bytes were written or dropped.
  explicit PipeWriter(std::function<void()> drained) : drained_(std::move(drained)) {}

  // Starts writing to `fd`.
  void Open(std::shared_ptr<PumpedFd> fd);
  // The reader is gone: drops the queue and all later bytes.
  void Break();

  void Write(absl::string_view bytes);
  // Calls `ended` once, when the queue is empty: the end of input.
  void End(std::function<void()> ended);

  bool broken() const { return broken_; }
  size_t queued() const { return queue_.size() - begin_; }
  uint64_t written() const { return written_; }

 private:
  size_t TryWrite(absl::string_view bytes);
  void Drain();
  void AwaitRoom();

  const std::function<void()> drained_;
  std::function<void()> ended_;
  std::string queue_;
  size_t begin_ = 0;  // index of the first byte of queue_ that is not written
  uint64_t written_ = 0;
  bool broken_ = false;
  bool waiting_ = false;
  std::shared_ptr<PumpedFd> fd_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace crisp
