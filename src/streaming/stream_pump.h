// PipeReader and PipeWriter: the ends of pipes, terminals and sockets, pumped as fast as the slower side allows.
//
// For the thread of the StreamLoop; destroying one ends its work, and no callback comes after. Descriptors are
// non-blocking. A reader has one piece under way and reads no more until that is sent: back-pressure, and the bound of
// the memory that a slow client costs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "os/fd.h"
#include "streaming/stream_loop.h"

namespace crisp {

// A descriptor with its waits; shared where one is read and written.
class PumpedFd {
 public:
  PumpedFd(StreamLoop* loop, Fd fd) : fd_(std::move(fd)), wait_(loop, fd_.get()) {}
  int get() const { return fd_.get(); }
  FdWait& wait() { return wait_; }

 private:
  const Fd fd_;
  FdWait wait_;
};

// Blocks of memory for what is under way: kept here between uses, so that a stream that is silent holds none and one
// that is busy finds a warm one.
class BlockPool {
 public:
  static constexpr size_t kBlock = 256 << 10;
  using Block = std::shared_ptr<char[]>;  // shared with whoever is still sending it

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
    // `bytes` stay where they are for as long as a copy of `sent` exists. It is to be called once they have gone, on
    // the loop's thread and not inside this call.
    virtual void OnPiece(absl::string_view bytes, std::function<void()> sent) = 0;
    // Once: there is no more. `error` is 0, or the errno of a descriptor that broke.
    virtual void OnPipeEnd(int error) = 0;
  };

  // `most` bytes are read at once, at most BlockPool::kBlock.
  PipeReader(StreamLoop* loop, BlockPool* pool, std::shared_ptr<PumpedFd> fd, size_t most, Target* target);
  PipeReader(const PipeReader&) = delete;
  PipeReader& operator=(const PipeReader&) = delete;

  void Start() { Read(); }
  uint64_t bytes() const { return bytes_; }
  bool sending() const { return sending_; }  // a piece is on its way

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

// Takes bytes at any time, also before it has a descriptor, and keeps what that does not take at once. Its user stops
// sending while too much is queued.
class PipeWriter {
 public:
  // `drained` is called when queued bytes have gone, written or dropped.
  explicit PipeWriter(std::function<void()> drained) : drained_(std::move(drained)) {}

  // From now on it writes to `fd`.
  void Open(std::shared_ptr<PumpedFd> fd);
  // Nobody reads what is written: drops all, also what comes later.
  void Break();

  void Write(absl::string_view bytes);
  // After what is queued, calls `ended` once: there is no more input.
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
  size_t begin_ = 0;  // where what is left of queue_ begins
  uint64_t written_ = 0;
  bool broken_ = false;
  bool waiting_ = false;
  std::shared_ptr<PumpedFd> fd_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace crisp
