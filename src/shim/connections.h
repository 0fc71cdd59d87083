// Connections: the daemons that talk to this shim, and the packets from and to them (shim/protocol.h, "Transport").
//
// One of them is current: the one that said hello last. The others are strangers that have not said it yet.
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

namespace crisp::shim {

// The descriptors that came with a packet, in their order.
struct Attached {
  Fd fds[kMaxDescriptors];

  int count() const;
};

// One daemon. Packets that the socket does not take now wait in `queue`.
struct Connection {
  struct Waiting {
    std::string packet;
    Fd attached;
  };
  Fd socket;
  bool greeted = false;
  uint32_t version = 0;  // of the protocol, as its hello says
  std::deque<Waiting> queue;
};
using ConnectionRef = std::shared_ptr<Connection>;

class Connections {
 public:
  struct Callbacks {
    std::function<void(const ConnectionRef&, std::string_view packet, Attached attached)> received;
    std::function<void(const ConnectionRef&)> drained;  // all that waited has been taken
    std::function<void(const ConnectionRef&)> closed;
  };

  Connections(Context context, Fd listener) : context_(context), listener_(std::move(listener)) {}

  void Begin(Callbacks callbacks);
  // It has said hello, and replaces the one before, which is closed.
  void Greet(const ConnectionRef& connection);
  void Close(const ConnectionRef& connection);
  const ConnectionRef& current() const { return current_; }  // null if there is none

  // False if the packet has to wait; `drained` follows. `attached` goes with it unless it is invalid.
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
  void Receive(const ConnectionRef& from);
  void Flush(const ConnectionRef& to);

  Context context_;
  Fd listener_;
  Callbacks callbacks_;
  ConnectionRef current_;
  std::vector<ConnectionRef> strangers_;
};

}  // namespace crisp::shim
