#include "shim/server.h"

#include <unistd.h>

#include <algorithm>

#include "shim/build.h"
#include "shim/shim_log.h"
#include "shim/spawn.h"

namespace crisp::shim {
namespace {

constexpr uint32_t kStartingIsListed = 3;  // since this version of the protocol

}  // namespace

Server::Server(Context context, Fd listener, std::string socket_path, std::string pod_id,
               std::vector<std::string> command)
    : context_(context),
      connections_(context, std::move(listener)),
      sessions_(context, connections_),
      socket_path_(std::move(socket_path)),
      pod_id_(std::move(pod_id)),
      upgrader_(context, connections_,
                {[this] { return Busy(); },
                 [this](const ConnectionRef& asked_by, uint64_t request) { return Save(asked_by, request); },
                 std::move(command)}) {}

void Server::Begin() {
  connections_.Begin({[this](const ConnectionRef& from, std::string_view packet, Attached attached) {
                        Dispatch(from, packet, std::move(attached));
                      },
                      [this](const ConnectionRef& of) { sessions_.ResumeAll(of); },
                      [this](const ConnectionRef& of) { sessions_.CancelAll(of); }});
}

// ---- requests ----

template <typename Message>
void Server::Take(const ConnectionRef& from, uint64_t id, std::string_view packet, Attached attached) {
  Message message;
  if (!Decode(packet, &message))
    return connections_.Refuse(from, id, ErrorCode::kMalformed, "decode", "not of this protocol");
  On(from, id, message, std::move(attached));
}

void Server::Dispatch(const ConnectionRef& from, std::string_view packet, Attached attached) {
  Header header;
  if (!DecodeHeader(packet, &header)) return connections_.Close(from);
  const uint64_t id = header.id;
  if (!from->greeted && header.type != Type::kHello) {
    return connections_.Refuse(from, id, ErrorCode::kVersion, "hello", "the first message must be hello");
  }
  switch (header.type) {
    case Type::kHello:
      return Take<Hello>(from, id, packet, std::move(attached));
    case Type::kList:
      return Take<List>(from, id, packet, std::move(attached));
    case Type::kStart:
      return Take<Start>(from, id, packet, std::move(attached));
    case Type::kKill:
      return Take<Kill>(from, id, packet, std::move(attached));
    case Type::kDelete:
      return Take<Delete>(from, id, packet, std::move(attached));
    case Type::kExec:
      return Take<Exec>(from, id, packet, std::move(attached));
    case Type::kExecStream:
      return Take<ExecStream>(from, id, packet, std::move(attached));
    case Type::kAttach:
      return Take<Attach>(from, id, packet, std::move(attached));
    case Type::kCancel:
      return Take<Cancel>(from, id, packet, std::move(attached));
    case Type::kReopenLog:
      return Take<ReopenLog>(from, id, packet, std::move(attached));
    case Type::kUpgrade:
      return Take<Upgrade>(from, id, packet, std::move(attached));
    case Type::kShutdown:
      return Take<Shutdown>(from, id, packet, std::move(attached));
    default:
      connections_.Refuse(from, id, ErrorCode::kUnknownRequest, "decode", "this shim does not know the request");
  }
}

void Server::On(const ConnectionRef& from, uint64_t id, const Hello& hello, Attached) {
  if (hello.version < kOldestProtocol) {
    connections_.Refuse(from, id, ErrorCode::kVersion, "hello", "the daemon is too old for this shim");
    return connections_.Close(from);
  }
  const ConnectionRef connection = from;
  connection->version = hello.version;
  connections_.Greet(connection);
  connections_.Answer(connection, id, Greeting());
}

HelloReply Server::Greeting() const {
  return {kProtocolVersion, static_cast<uint32_t>(getpid()), pod_id_, BuildName()};
}

void Server::On(const ConnectionRef& from, uint64_t id, const List&, Attached) {
  for (const auto& container : containers_) {
    const bool starting = container->state() == Container::State::kStarting;
    if (starting && from->version < kStartingIsListed) continue;
    const ExitRecord& exit = container->exit();
    const LogLoss loss = container->log_loss();
    connections_.Answer(from, id,
                        ListItem{container->id(), container->state() == Container::State::kExited,
                                 static_cast<uint32_t>(container->pid()), container->started_at(),
                                 static_cast<uint32_t>(exit.exit_code), exit.finished_at, exit.oom_killed, starting,
                                 loss.dropping, loss.bytes, loss.lines});
  }
  connections_.Answer(from, id, Done{});
}

void Server::On(const ConnectionRef& from, uint64_t id, const Start& request, Attached) {
  if (const std::shared_ptr<Container> known = Find(request.container_id)) return StartAgain(from, id, known);
  if (shutdown_.has_value())
    return connections_.Refuse(from, id, ErrorCode::kInternal, "create", "the shim is leaving");
  const std::shared_ptr<Container> container = Add(request);
  starting_.push_back({from, id, container});
  container->BeginStart([this, container = container.get()](std::optional<Failure> failure) {
    OnStartAnswered(Find(container->id()), std::move(failure));
  });
}

std::shared_ptr<Container> Server::Add(const Start& request) {
  return containers_.emplace_back(std::make_shared<Container>(
      context_, request,
      Container::Callbacks{[this](Container& exited) { OnExited(exited); },
                           [this](Container& of, uint64_t kills) { OnOomKill(of, kills); },
                           [this](Container& of, const LogLoss& loss) { OnLogLoss(of, loss); }}));
}

// The daemon that asked first died before it was answered, and the next one asks again. It may have been told of the
// exit already.
void Server::StartAgain(const ConnectionRef& from, uint64_t id, const std::shared_ptr<Container>& known) {
  const auto starting =
      std::find_if(starting_.begin(), starting_.end(), [&](const Starting& one) { return one.container == known; });
  if (starting != starting_.end() && starting->client != from) {
    starting->client = from;
    starting->request = id;
  } else if (known->state() == Container::State::kRunning || (known->started_at() != 0 && !known->start_told)) {
    known->start_told = true;
    connections_.Answer(from, id, known->started());
  } else {
    connections_.Refuse(from, id, ErrorCode::kContainerExists, "create", "the shim has a container of this id");
  }
}

void Server::OnStartAnswered(const std::shared_ptr<Container>& container, std::optional<Failure> failure) {
  const auto starting =
      std::find_if(starting_.begin(), starting_.end(), [&](const Starting& one) { return one.container == container; });
  const ConnectionRef to = starting->client;
  const uint64_t id = starting->request;
  starting_.erase(starting);
  if (failure.has_value()) {
    connections_.Refuse(to, id, failure->code, failure->step, failure->text);
    Forget(container);
  } else {
    container->start_told = to->socket.valid();
    connections_.Answer(to, id, container->started());
  }
  if (shutdown_.has_value()) ContinueShutdown();
  LeaveIfIdle();
}

void Server::On(const ConnectionRef& from, uint64_t id, const Kill& request, Attached) {
  const std::shared_ptr<Container> container = Find(request.container_id);
  if (container == nullptr) {
    return connections_.Refuse(from, id, ErrorCode::kUnknownContainer, "kill", "the shim has no such container");
  }
  const int error = container->Kill(static_cast<int>(request.signal), request.all != 0);
  if (error != 0) return connections_.Refuse(from, id, ErrorCode::kInternal, "kill", ErrorText(error));
  connections_.Answer(from, id, Done{});
}

void Server::On(const ConnectionRef& from, uint64_t id, const Delete& request, Attached) {
  const std::shared_ptr<Container> container = Find(request.container_id);
  if (container == nullptr) {
    connections_.Answer(from, id, Done{});
  } else if (container->state() == Container::State::kStarting) {
    connections_.Refuse(from, id, ErrorCode::kInternal, "delete", "the container is being started");
  } else {
    const int64_t timeout = static_cast<int64_t>(std::min<uint64_t>(request.timeout_ns, INT64_MAX / 4));
    container->BeginDelete(timeout, [this, from, id, name = request.container_id](std::optional<Failure> failure) {
      if (!failure.has_value()) Forget(Find(name));
      connections_.AnswerOutcome(from, id, failure);
    });
  }
}

void Server::On(const ConnectionRef& from, uint64_t id, const Exec& request, Attached attached) {
  sessions_.Open(from, id, Find(request.container_id), request, std::move(attached));
}

void Server::On(const ConnectionRef& from, uint64_t id, const ExecStream& request, Attached attached) {
  sessions_.Open(from, id, Find(request.container_id), request, std::move(attached));
}

void Server::On(const ConnectionRef& from, uint64_t id, const Attach& request, Attached attached) {
  sessions_.Open(from, id, Find(request.container_id), request, std::move(attached));
}

void Server::On(const ConnectionRef& from, uint64_t, const Cancel& request, Attached) {
  sessions_.Cancel(from, request.request);
  for (const Starting& one : starting_) {
    if (one.client == from && one.request == request.request) one.container->CancelStart();
  }
}

void Server::On(const ConnectionRef& from, uint64_t id, const ReopenLog& request, Attached) {
  const std::shared_ptr<Container> container = Find(request.container_id);
  if (container == nullptr) {
    return connections_.Refuse(from, id, ErrorCode::kUnknownContainer, "reopen log", "the shim has no such container");
  }
  const int error = container->ReopenLog();
  if (error != 0) return connections_.Refuse(from, id, ErrorCode::kInternal, "reopen log", ErrorText(error));
  connections_.Answer(from, id, Done{});
}

// ---- upgrades ----

void Server::On(const ConnectionRef& from, uint64_t id, const Upgrade& request, Attached) {
  upgrader_.Begin(from, id, request.program);
}

std::string Server::Busy() {
  if (shutdown_.has_value()) return "the shim is leaving";
  for (const auto& container : containers_) {
    if (std::string what = container->busy(); !what.empty()) return what;
  }
  return sessions_.busy([this](const std::string& id) { return Find(id); });
}

ShimState Server::Save(const ConnectionRef& asked_by, uint64_t request) {
  const std::vector<ConnectionRef> all = connections_.All();
  ShimState state;
  state.build = BuildName();
  state.original_oom = OriginalOom();
  state.listener = connections_.listener();
  state.leaving = leaving_;
  state.children = context_.children.Save();
  state.connections = connections_.Save();
  for (const auto& container : containers_) state.containers.push_back(container->Save());
  sessions_.Save(all, &state);
  state.asked_by = static_cast<uint32_t>(std::find(all.begin(), all.end(), asked_by) - all.begin());
  state.asked = request;
  return state;
}

void Server::Resume(const ShimState& state) {
  Begin();
  leaving_ = state.leaving != 0;
  context_.children.Restore(state.children);
  const std::vector<ConnectionRef> connections = connections_.Restore(state.connections);
  for (const ContainerState& one : state.containers) Add(one.request)->Restore(one);
  sessions_.Restore(state, connections, [this](const std::string& id) { return Find(id); });
  connections_.Answer(connections[state.asked_by], state.asked, Greeting());
  LeaveIfIdle();
}

// ---- the end ----

void Server::On(const ConnectionRef& from, uint64_t id, const Shutdown&, Attached) {
  shutdown_ = ShutdownAsked{from, id};
  for (const Starting& one : starting_) one.container->CancelStart();
  ContinueShutdown();
}

void Server::ContinueShutdown() {
  if (!starting_.empty()) return;
  if (containers_.empty()) {
    connections_.AnswerOutcome(shutdown_->client, shutdown_->request, left_);
    return Leave();
  }
  const std::shared_ptr<Container> next = containers_.front();
  next->BeginDelete(Container::kCleanUpTimeout, [this, next](const std::optional<Failure>& failure) {
    if (failure.has_value()) return TakeAway(next, *failure);
    Forget(next);
    ContinueShutdown();
  });
}

// The runtime's own state of the container is left to the daemon. The shim also leaves if something cannot be removed,
// and says so: the daemon can clean up after a shim that has gone, but not beside one that stays.
void Server::TakeAway(const std::shared_ptr<Container>& container, const Failure& failure) {
  const std::string what = failure.step + " " + container->id() + ": " + failure.text;
  LogFault("shutdown: " + what);
  container->RemoveCgroups([this, container, what](int error) {
    if (error != 0) {
      left_ = Failure{ErrorCode::kInternal, "shutdown", what + "; then remove its cgroup: " + ErrorText(error)};
    }
    Forget(container);
    ContinueShutdown();
  });
}

void Server::Leave() {
  unlink(socket_path_.c_str());
  context_.loop.Stop();
}

void Server::LeaveWhenIdle() {
  leaving_ = true;
  LeaveIfIdle();
}

void Server::LeaveIfIdle() {
  if (!leaving_ || !starting_.empty()) return;
  for (const auto& container : containers_) {
    if (container->state() != Container::State::kExited) return;
  }
  LogFault("asked to end by a signal, and no container is alive: leaving");
  Leave();
}

std::shared_ptr<Container> Server::Find(const std::string& id) {
  for (const auto& container : containers_) {
    if (container->id() == id) return container;
  }
  return nullptr;
}

void Server::Forget(const std::shared_ptr<Container>& container) {
  if (container == nullptr) return;
  context_.loop.DestroyLater(container);
  std::erase(containers_, container);
}

template <typename Event>
void Server::Send(const Event& event) {
  if (connections_.current() != nullptr) connections_.Answer(connections_.current(), 0, event);
}

void Server::OnExited(Container& container) {
  const ExitRecord& exit = container.exit();
  Send(Exited{container.id(), static_cast<uint32_t>(exit.exit_code), exit.finished_at, exit.oom_killed});
  LeaveIfIdle();
}

// A daemon of an older version ignores it, and what follows.
void Server::OnOomKill(const Container& container, uint64_t kills) {
  Send(OomKill{container.id(), kills});
}

void Server::OnLogLoss(const Container& container, const LogLoss& loss) {
  Send(LogLost{container.id(), loss.dropping, loss.bytes, loss.lines, loss.error != 0 ? ErrorText(loss.error) : ""});
}

}  // namespace crisp::shim
