// Server: the shim's end of the wire (shim/protocol.h): takes connections, answers requests, tells of exits.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"
#include "shim/codec.h"
#include "shim/container.h"
#include "shim/exec.h"

namespace crisp::shim {

class Server {
 public:
  // `listener` listens on `socket_path`, which is removed at the end.
  Server(Context context, Fd listener, std::string socket_path, std::string pod_id);

  void Begin();
  // Leaves at once if no container is alive, else when the last one has ended. For SIGTERM.
  void LeaveWhenIdle();

 private:
  // One daemon. Packets that the socket does not take now wait in `queue`; execs pause meanwhile.
  struct Connection {
    Fd socket;
    bool greeted = false;
    std::deque<std::string> queue;
  };
  using ConnectionRef = std::shared_ptr<Connection>;

  void Accept();
  void Receive(const ConnectionRef& from);
  void Flush(const ConnectionRef& to);
  void Close(const ConnectionRef& connection);
  bool SendPacket(const ConnectionRef& to, std::string_view packet);
  template <typename Message>
  bool Answer(const ConnectionRef& to, uint64_t id, Message message) {
    return SendPacket(to, EncodeInto(context_.scratch.bytes, sizeof(context_.scratch.bytes), id, message));
  }
  void Refuse(const ConnectionRef& to, uint64_t id, ErrorCode code, std::string_view step, std::string_view text);
  void AnswerOutcome(const ConnectionRef& to, uint64_t id, const std::optional<Failure>& failure);

  void Dispatch(const ConnectionRef& from, std::string_view packet, Fd attached);
  void On(const ConnectionRef& from, uint64_t id, const Hello& hello, Fd attached);
  void On(const ConnectionRef& from, uint64_t id, const List& request, Fd attached);
  void On(const ConnectionRef& from, uint64_t id, const Start& request, Fd attached);
  void On(const ConnectionRef& from, uint64_t id, const Kill& request, Fd attached);
  void On(const ConnectionRef& from, uint64_t id, const Delete& request, Fd attached);
  void On(const ConnectionRef& from, uint64_t id, const Exec& request, Fd attached);
  void On(const ConnectionRef& from, uint64_t id, const Cancel& request, Fd attached);
  void On(const ConnectionRef& from, uint64_t id, const ReopenLog& request, Fd attached);
  void On(const ConnectionRef& from, uint64_t id, const Shutdown& request, Fd attached);
  template <typename Message>
  void Take(const ConnectionRef& from, uint64_t id, std::string_view packet, Fd attached);

  std::shared_ptr<Container> Find(const std::string& id);
  void Forget(const std::shared_ptr<Container>& container);
  void StartAgain(const ConnectionRef& from, uint64_t id, const std::shared_ptr<Container>& known);
  void OnStartAnswered(const std::shared_ptr<Container>& container, std::optional<Failure> failure);
  void OnExited(Container& container);
  void OnExecEnded(const ConnectionRef& to, uint64_t id, const ExecSession::End& end);
  void CancelExecs(const ConnectionRef& of);
  void ContinueShutdown();
  void LeaveIfIdle();
  void Leave();

  struct Starting {
    ConnectionRef client;
    uint64_t request;
    std::shared_ptr<Container> container;
  };
  struct Executing {
    ConnectionRef client;
    uint64_t request;
    std::shared_ptr<ExecSession> session;
  };
  struct ShutdownAsked {
    ConnectionRef client;
    uint64_t request;
  };

  Context context_;
  Fd listener_;
  std::string socket_path_;
  std::string pod_id_;
  ConnectionRef current_;  // the one that said hello last
  std::vector<ConnectionRef> strangers_;
  std::vector<std::shared_ptr<Container>> containers_;
  std::vector<Starting> starting_;
  std::vector<Executing> executing_;
  std::optional<ShutdownAsked> shutdown_;
  uint64_t last_exec_ = 0;
  bool leaving_ = false;
};

}  // namespace crisp::shim
