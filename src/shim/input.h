// Input: a container's stdin and the clients that write to it.
//
// splice(2) moves data from a client's pipe into the container's pipe or terminal. The shim buffers nothing, and a
// client's pipe is read no faster than the container reads. (splice into a terminal: Linux 5.11.)
#pragma once

#include <vector>

#include "os/fd.h"
#include "shim/loop.h"
#include "shim/state.h"

namespace crisp::shim {

class Input {
 public:
  explicit Input(Loop& loop) : loop_(loop) {}
  ~Input() { Close(); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // `sink`: the end that the container reads from, non-blocking. `once`: close it as soon as one client has ended.
  void Open(Fd sink, bool once);
  bool open() const { return sink_.valid(); }
  void Close();

  // For an upgrade.
  InputState Save() const;
  void Restore(const InputState& state);

  // Reads from the pipe `source` until its end, or until the container has closed its stdin.
  void Add(uint64_t client, Fd source);
  // The client has gone: moves what it has written as far as there is room, then closes its pipe.
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
  bool full_ = false;  // no source is read until the sink has room
  std::vector<Source> sources_;
};

}  // namespace crisp::shim
