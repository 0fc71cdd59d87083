// Connections: the daemons that are connected to this shim, and the packets to and from them (shim/protocol.h,
// "Transport").
//
// One is current: the one that said hello last. The others have not said hello yet.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.h"
#include "shim/codec.h"
#include "shim/context.h"
#include "shim/runtime_command.h"
#include "shim/state.h"

namespace crisp::shim {

// The descriptors that came with a packet, in order.
struct Attached {
  Fd fds[kMaxDescriptors];

  int count() const;
};

// One daemon. Packets for which the socket has no room wait in `queue`.
struct Connection {
  struct Waiting {
    std::string packet;
    Fd attached;
  };
  Fd socket;
  bool greeted = false;
  uint32_t version = 0;  // of the protocol, from its hello
  std::deque<Waiting> queue;
};
using ConnectionRef = std::shared_ptr<Connection>;

class Connections {
 public:
  struct Callbacks {
    std::function<void(const ConnectionRef&, std::string_view packet, Attached attached)> received;
    std::function<void(const ConnectionRef&)> drained;  // its queue is empty again
    std::function<void(const ConnectionRef&)> closed;
  };

  Connections(Context context, Fd listener) : context_(context), listener_(std::move(listener)) {}

  void Begin(Callbacks callbacks);

  // For an upgrade. While requests are held none is received; they wait in the sockets, also over execve(2).
  void HoldRequests();
  void TakeRequests();
  int listener() const { return listener_.get(); }
  std::vector<ConnectionRef> All() const;
  std::vector<ConnectionState> Save() const;  // in the order of All
  // After Begin. The result is in the order of `states`.
  std::vector<ConnectionRef> Restore(const std::vector<ConnectionState>& states);

  // It has said hello: makes it the current one and closes the previous one.
  void Greet(const ConnectionRef& connection);
  void Close(const ConnectionRef& connection);
  const ConnectionRef& current() const { return current_; }  // null if there is none

  // Sends a packet, with `attached` if that is valid. False if it has to wait; then `drained` is called later.
  bool Send(const ConnectionRef& to, std::string_view packet, Fd attached = Fd());
  template <typename Message>
  bool Answer(const ConnectionRef& to, uint64_t id, Message message, Fd attached = Fd()) {
    char* const buffer = context_.scratch.bytes;
    return Send(to, EncodeInto(buffer, sizeof(context_.scratch.bytes), id, message), std::move(attached));
  }
  void Refuse(const ConnectionRef& to, uint64_t id, ErrorCode code, std::string_view step, std::string_view text);
  void AnswerOutcome(const ConnectionRef& to, uint64_t id, const std::optional<Failure>& failure);

 private:
  void WatchListener();
  void PauseListener();
  void Accept();
  void Watch(const ConnectionRef& connection);
  void Receive(const ConnectionRef& from);
  void Flush(const ConnectionRef& to);

  Context context_;
  Fd listener_;
  Callbacks callbacks_;
  ConnectionRef current_;
  std::vector<ConnectionRef> strangers_;
  bool held_ = false;
};

}  // namespace crisp::shim
