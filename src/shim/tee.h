// Tee: one output stream of a container, as it is given to the daemons' clients who are attached to it, several at
// once.
//
// While one of them is behind, whoever feeds the tee reads no more (`behind`): the container waits on its full pipe, as
// on a slow terminal. A client that takes nothing for kPatienceNanos is let go, and everything goes on.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "shim/loop.h"

namespace crisp::shim {

class Tee {
 public:
  static constexpr int64_t kPatienceNanos = 5'000'000'000;
  // Of what a client may still have to take of a container that has ended: the largest pipe that a user may make
  // (pipe(7), pipe-max-size).
  static constexpr size_t kMaxHeld = 1 << 20;

  enum class Parting {
    kServed,   // it has all that there was, and the stream has ended
    kGone,     // nobody reads its pipe any more
    kTooSlow,  // it took nothing for too long
  };
  using Parted = std::function<void(Parting)>;

  explicit Tee(Loop& loop) : loop_(loop) {}
  ~Tee();
  Tee(const Tee&) = delete;
  Tee& operator=(const Tee&) = delete;

  // `end` is non-blocking, to write to. `parted` is called once, perhaps before this returns, unless Remove is before.
  void Add(uint64_t client, Fd end, Parted parted);
  void Remove(uint64_t client);

  // Gives `data` to every client, now or as soon as it takes it.
  void Write(std::string_view data);
  bool behind() const { return !held_.empty(); }
  // The stream has ended: nothing is written any more.
  void End();

  void OnCaughtUp(std::function<void()> caught_up) { caught_up_ = std::move(caught_up); }

 private:
  struct Client {
    uint64_t id;
    Fd end;
    Parted parted;
    size_t left = 0;  // bytes at the end of `held_` that it has not taken
    Loop::Timer patience = 0;
  };

  Client* Find(uint64_t id);
  void OnReady(uint64_t id);
  // Bytes that it has taken; -1 if nobody reads any more.
  static ssize_t Offer(const Client& client, std::string_view data);
  void Wait(Client& client);
  void Part(uint64_t id, Parting how);
  void PartBehind();
  void ForgetTaken();

  Loop& loop_;
  std::vector<Client> clients_;
  std::string held_;  // what has been written last, as far as a client has not taken it
  bool ended_ = false;
  std::function<void()> caught_up_;
};

}  // namespace crisp::shim
