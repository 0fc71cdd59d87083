// Input: a container's stdin, and the clients who write to it.
//
// splice(2) moves what a client has written from its pipe into the container's pipe or terminal: the shim holds none of
// it, and each client's pipe is read no faster than the container reads. (Into a terminal since Linux 5.11.)
#pragma once

#include <vector>

#include "os/fd.h"
#include "shim/loop.h"

namespace crisp::shim {

class Input {
 public:
  explicit Input(Loop& loop) : loop_(loop) {}
  ~Input() { Close(); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // `sink`: what the container reads, non-blocking. `once`: it is closed as soon as one client has ended.
  void Open(Fd sink, bool once);
  bool open() const { return sink_.valid(); }
  void Close();

  // `source`: a pipe to read from. It is closed at its end, and when the container has closed its stdin.
  void Add(uint64_t client, Fd source);
  // The client has gone: what it has written is still given as far as there is room for it.
  void Remove(uint64_t client);

 private:
  struct Source {
    uint64_t client;
    Fd pipe;
  };
  enum class Moved { kEnd, kNothingThere, kNoRoom, kRefused };

  Source* Find(uint64_t client);
  void Pump(uint64_t client);
  Moved Move(int pipe) const;
  void WatchSource(const Source& source);
  void WaitForRoom();
  void OnRoom();
  void EndSource(uint64_t client);

  Loop& loop_;
  Fd sink_;
  bool once_ = false;
  bool full_ = false;  // nothing is read until the sink has room
  std::vector<Source> sources_;
};

}  // namespace crisp::shim
