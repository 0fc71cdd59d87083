// Tee: copies one output stream of a container to every client that is attached to it.
//
// While a client is behind, whoever feeds the tee must not read more (`behind`): the container then blocks on its full
// pipe, as on a slow terminal. A client that takes nothing for kPatienceNanos is dropped, and the others go on.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "shim/loop.h"
#include "shim/state.h"

namespace crisp::shim {

class Tee {
 public:
  static constexpr int64_t kPatienceNanos = 5'000'000'000;
  // How much a client may be behind a container that has ended: the size of the largest pipe that a user may make
  // (pipe(7), pipe-max-size).
  static constexpr size_t kMaxHeld = 1 << 20;

  enum class Parting {
    kServed,   // the stream has ended and the client has taken all of it
    kGone,     // nobody reads the client's pipe any more
    kTooSlow,  // the client took nothing for too long
  };
  using Parted = std::function<void(Parting)>;

  explicit Tee(Loop& loop) : loop_(loop) {}
  ~Tee();
  Tee(const Tee&) = delete;
  Tee& operator=(const Tee&) = delete;

  // Adds a client. `end` is the write end of its pipe, non-blocking. `parted` is called once, perhaps before this
  // returns, unless Remove is called first.
  void Add(uint64_t client, Fd end, Parted parted);
  void Remove(uint64_t client);

  // Sends `data` to every client, now or when it has room.
  void Write(std::string_view data);
  bool behind() const { return !held_.empty(); }
  // The stream has ended; nothing may be written any more.
  void End();

  // For an upgrade. After Restore each client needs its callback before the loop goes on.
  TeeState Save() const;
  void Restore(const TeeState& state);
  void SetParted(uint64_t client, Parted parted);

  // Calls `caught_up` whenever the last client that was behind has caught up.
  void OnCaughtUp(std::function<void()> caught_up) { caught_up_ = std::move(caught_up); }

 private:
  struct Client {
    uint64_t id;
    Fd end;
    Parted parted;
    size_t left = 0;  // bytes at the end of held_ that the client has not taken
    Loop::Timer patience = 0;
  };

  Client* Find(uint64_t id);
  void OnReady(uint64_t id);
  // Returns the bytes that the client has taken; -1 if nobody reads any more.
  static ssize_t Offer(const Client& client, std::string_view data);
  void Wait(Client& client);
  Loop::Timer Patience(uint64_t id, int64_t due);
  void Part(uint64_t id, Parting how);
  void PartBehind();
  void ForgetTaken();

  Loop& loop_;
  std::vector<Client> clients_;
  std::string held_;  // the last data written, as far back as a client has not taken it
  bool ended_ = false;
  std::function<void()> caught_up_;
};

}  // namespace crisp::shim
