#include "shim/server.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

constexpr int kBacklog = 8;
constexpr size_t kMaxFds = 4;  // taken off a packet; all but the first are closed

bool IsOurs(int socket) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == geteuid();
}

struct Packet {
  ssize_t size = -1;
  bool whole = true;
  Fd attached;
};

Packet ReceivePacket(int socket, char* buffer, size_t capacity) {
  iovec data{buffer, capacity};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxFds * sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  Packet packet;
  packet.size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (packet.size < 0) return packet;
  packet.whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(one) + i * sizeof(int), sizeof(int));
      Fd owned(fd);
      if (!packet.attached.valid()) packet.attached = std::move(owned);
    }
  }
  return packet;
}

bool IsProcessFile(int fd) {
  struct stat info {};
  return fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
         info.st_size <= static_cast<off_t>(kMaxProcessJson);
}

}  // namespace

Server::Server(Context context, Fd listener, std::string socket_path, std::string pod_id)
    : context_(context),
      listener_(std::move(listener)),
      socket_path_(std::move(socket_path)),
      pod_id_(std::move(pod_id)) {}

void Server::Begin() {
  // Again, though the daemon has done it: from now on the shim is what SO_PEERCRED names to those who connect.
  listen(listener_.get(), kBacklog);
  context_.loop.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
}

// ---- connections ----

void Server::Accept() {
  Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket.valid()) return;
  if (!IsOurs(socket.get())) return LogFault("a connection of another user was refused");
  auto connection = std::make_shared<Connection>();
  connection->socket = std::move(socket);
  strangers_.push_back(connection);
  context_.loop.Watch(connection->socket.get(), EPOLLIN, [this, connection](uint32_t events) {
    if ((events & EPOLLOUT) != 0) Flush(connection);
    if (connection->socket.valid() && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Receive(connection);
  });
}

void Server::Receive(const ConnectionRef& from) {
  Packet packet = ReceivePacket(from->socket.get(), context_.scratch.bytes, sizeof(context_.scratch.bytes));
  if (packet.size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (packet.size <= 0) return Close(from);
  if (!packet.whole) {
    LogFault("a packet longer than the protocol allows; the connection is closed");
    return Close(from);
  }
  Dispatch(from, {context_.scratch.bytes, static_cast<size_t>(packet.size)}, std::move(packet.attached));
}

bool Server::SendPacket(const ConnectionRef& to, std::string_view packet) {
  if (!to->socket.valid()) return true;
  if (to->queue.empty()) {
    if (send(to->socket.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
    if (errno != EAGAIN && errno != EINTR && errno != ENOBUFS) return true;  // broken: reading will tell
    context_.loop.Change(to->socket.get(), EPOLLIN | EPOLLOUT);
  }
  to->queue.emplace_back(packet);
  return false;
}

void Server::Flush(const ConnectionRef& to) {
  while (!to->queue.empty()) {
    const std::string& packet = to->queue.front();
    if (send(to->socket.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
        (errno == EAGAIN || errno == EINTR || errno == ENOBUFS)) {
      return;
    }
    to->queue.pop_front();
  }
  context_.loop.Change(to->socket.get(), EPOLLIN);
  for (const Executing& one : std::vector<Executing>(executing_)) {
    if (one.client == to) one.session->Resume();
  }
}

void Server::Close(const ConnectionRef& connection) {
  const ConnectionRef kept = connection;  // the reference may be the very one that is dropped here
  context_.loop.Unwatch(kept->socket.get());
  kept->socket.reset();
  kept->queue.clear();
  if (current_ == kept) current_.reset();
  std::erase(strangers_, kept);
  CancelExecs(kept);
}

void Server::Refuse(const ConnectionRef& to, uint64_t id, ErrorCode code, std::string_view step,
                    std::string_view text) {
  Answer(to, id, Error{code, std::string(step), std::string(text.substr(0, kMaxText))});
}

void Server::AnswerOutcome(const ConnectionRef& to, uint64_t id, const std::optional<Failure>& failure) {
  if (!failure.has_value()) {
    Answer(to, id, Done{});
  } else {
    Refuse(to, id, failure->code, failure->step, failure->text);
  }
}

// ---- requests ----

template <typename Message>
void Server::Take(const ConnectionRef& from, uint64_t id, std::string_view packet, Fd attached) {
  Message message;
  if (!Decode(packet, &message)) return Refuse(from, id, ErrorCode::kMalformed, "decode", "not of this protocol");
  On(from, id, message, std::move(attached));
}

void Server::Dispatch(const ConnectionRef& from, std::string_view packet, Fd attached) {
  Header header;
  if (!DecodeHeader(packet, &header)) return Close(from);
  const uint64_t id = header.id;
  if (!from->greeted && header.type != Type::kHello) {
    return Refuse(from, id, ErrorCode::kVersion, "hello", "the first message must be hello");
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
    case Type::kCancel:
      return Take<Cancel>(from, id, packet, std::move(attached));
    case Type::kReopenLog:
      return Take<ReopenLog>(from, id, packet, std::move(attached));
    case Type::kShutdown:
      return Take<Shutdown>(from, id, packet, std::move(attached));
    default:
      Refuse(from, id, ErrorCode::kUnknownRequest, "decode", "this shim does not know the request");
  }
}

void Server::On(const ConnectionRef& from, uint64_t id, const Hello& hello, Fd) {
  if (hello.version < kOldestProtocol) {
    Refuse(from, id, ErrorCode::kVersion, "hello", "the daemon is too old for this shim");
    return Close(from);
  }
  const ConnectionRef connection = from;
  connection->greeted = true;
  std::erase(strangers_, connection);
  if (current_ != nullptr && current_ != connection) Close(current_);
  current_ = connection;
  Answer(connection, id, HelloReply{kProtocolVersion, static_cast<uint32_t>(getpid()), pod_id_});
}

void Server::On(const ConnectionRef& from, uint64_t id, const List&, Fd) {
  for (const auto& container : containers_) {
    if (container->state() == Container::State::kStarting) continue;
    const ExitRecord& exit = container->exit();
    Answer(from, id,
           ListItem{container->id(), container->state() == Container::State::kExited,
                    static_cast<uint32_t>(container->pid()), container->started_at(),
                    static_cast<uint32_t>(exit.exit_code), exit.finished_at, exit.oom_killed});
  }
  Answer(from, id, Done{});
}

void Server::On(const ConnectionRef& from, uint64_t id, const Start& request, Fd) {
  if (const std::shared_ptr<Container> known = Find(request.container_id)) return StartAgain(from, id, known);
  if (shutdown_.has_value()) return Refuse(from, id, ErrorCode::kInternal, "create", "the shim is leaving");
  auto container = std::make_shared<Container>(context_, request, [this](Container& exited) { OnExited(exited); });
  containers_.push_back(container);
  starting_.push_back({from, id, container});
  container->BeginStart([this, container = container.get()](std::optional<Failure> failure) {
    OnStartAnswered(Find(container->id()), std::move(failure));
  });
}

// The daemon that asked first has died before it was answered, and the next one asks again.
void Server::StartAgain(const ConnectionRef& from, uint64_t id, const std::shared_ptr<Container>& known) {
  const auto starting =
      std::find_if(starting_.begin(), starting_.end(), [&](const Starting& one) { return one.container == known; });
  if (starting != starting_.end() && starting->client != from) {
    starting->client = from;
    starting->request = id;
  } else if (known->state() == Container::State::kRunning) {
    Answer(from, id, Started{static_cast<uint32_t>(known->pid()), known->started_at()});
  } else {
    Refuse(from, id, ErrorCode::kContainerExists, "create", "the shim has a container of this id");
  }
}

void Server::OnStartAnswered(const std::shared_ptr<Container>& container, std::optional<Failure> failure) {
  const auto starting =
      std::find_if(starting_.begin(), starting_.end(), [&](const Starting& one) { return one.container == container; });
  const ConnectionRef to = starting->client;
  const uint64_t id = starting->request;
  starting_.erase(starting);
  if (failure.has_value()) {
    Refuse(to, id, failure->code, failure->step, failure->text);
    Forget(container);
  } else {
    Answer(to, id, Started{static_cast<uint32_t>(container->pid()), container->started_at()});
  }
  if (shutdown_.has_value()) ContinueShutdown();
  LeaveIfIdle();
}

void Server::On(const ConnectionRef& from, uint64_t id, const Kill& request, Fd) {
  const std::shared_ptr<Container> container = Find(request.container_id);
  if (container == nullptr) {
    return Refuse(from, id, ErrorCode::kUnknownContainer, "kill", "the shim has no such container");
  }
  const int error = container->Kill(static_cast<int>(request.signal), request.all != 0);
  if (error != 0) return Refuse(from, id, ErrorCode::kInternal, "kill", ErrorText(error));
  Answer(from, id, Done{});
}

void Server::On(const ConnectionRef& from, uint64_t id, const Delete& request, Fd) {
  const std::shared_ptr<Container> container = Find(request.container_id);
  if (container == nullptr) {
    Answer(from, id, Done{});
  } else if (container->state() == Container::State::kStarting) {
    Refuse(from, id, ErrorCode::kInternal, "delete", "the container is being started");
  } else {
    const int64_t timeout = static_cast<int64_t>(std::min<uint64_t>(request.timeout_ns, INT64_MAX / 4));
    container->BeginDelete(timeout, [this, from, id, name = request.container_id](std::optional<Failure> failure) {
      if (!failure.has_value()) Forget(Find(name));
      AnswerOutcome(from, id, failure);
    });
  }
}

void Server::On(const ConnectionRef& from, uint64_t id, const Exec& request, Fd attached) {
  const std::shared_ptr<Container> container = Find(request.container_id);
  if (container == nullptr || container->state() != Container::State::kRunning) {
    return Refuse(from, id, ErrorCode::kNotRunning, "exec", "the container is not running");
  }
  if (!IsProcessFile(attached.get())) {
    return Refuse(from, id, ErrorCode::kMalformed, "exec", "no process object came with the request");
  }
  ExecSession::Client client{id,
                             [this, from, id](uint8_t stream, std::string_view data) {
                               return Answer(from, id, ExecOutput{stream, data});
                             },
                             [this, from, id](const ExecSession::End& end) { OnExecEnded(from, id, end); }};
  auto session = std::make_shared<ExecSession>(context_, *container, ++last_exec_, request, std::move(attached),
                                               std::move(client));
  executing_.push_back({from, id, session});
  session->Begin();
}

void Server::OnExecEnded(const ConnectionRef& to, uint64_t id, const ExecSession::End& end) {
  const ConnectionRef client = to;
  if (end.failure.has_value()) {
    Refuse(client, id, end.failure->code, end.failure->step, end.failure->text);
  } else {
    Answer(client, id, ExecDone{static_cast<uint32_t>(end.exit_code)});
  }
  std::erase_if(executing_, [&](const Executing& one) {
    if (one.client != client || one.request != id) return false;
    context_.loop.Bury(one.session);
    return true;
  });
}

void Server::CancelExecs(const ConnectionRef& of) {
  for (const Executing& one : std::vector<Executing>(executing_)) {
    if (one.client == of) one.session->Cancel(ErrorCode::kCancelled);
  }
}

void Server::On(const ConnectionRef& from, uint64_t, const Cancel& request, Fd) {
  for (const Executing& one : std::vector<Executing>(executing_)) {
    if (one.client == from && one.request == request.request) one.session->Cancel(ErrorCode::kCancelled);
  }
  for (const Starting& one : starting_) {
    if (one.client == from && one.request == request.request) one.container->CancelStart();
  }
}

void Server::On(const ConnectionRef& from, uint64_t id, const ReopenLog& request, Fd) {
  const std::shared_ptr<Container> container = Find(request.container_id);
  if (container == nullptr) {
    return Refuse(from, id, ErrorCode::kUnknownContainer, "reopen log", "the shim has no such container");
  }
  const int error = container->ReopenLog();
  if (error != 0) return Refuse(from, id, ErrorCode::kInternal, "reopen log", ErrorText(error));
  Answer(from, id, Done{});
}

// ---- the end ----

void Server::On(const ConnectionRef& from, uint64_t id, const Shutdown&, Fd) {
  shutdown_ = ShutdownAsked{from, id};
  for (const Starting& one : starting_) one.container->CancelStart();
  ContinueShutdown();
}

void Server::ContinueShutdown() {
  if (!starting_.empty()) return;
  if (containers_.empty()) {
    Answer(shutdown_->client, shutdown_->request, Done{});
    return Leave();
  }
  const std::shared_ptr<Container> next = containers_.front();
  next->BeginDelete(Container::kCleanUpTimeout, [this, next](const std::optional<Failure>& failure) {
    // It leaves all the same: the daemon cleans up after a shim that is gone, and cannot after one that will not go.
    if (failure.has_value()) LogFault("shutdown: " + failure->step + " " + next->id() + ": " + failure->text);
    Forget(next);
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
  context_.loop.Bury(container);
  std::erase(containers_, container);
}

void Server::OnExited(Container& container) {
  if (current_ != nullptr) {
    const ExitRecord& exit = container.exit();
    Answer(current_, 0,
           Exited{container.id(), static_cast<uint32_t>(exit.exit_code), exit.finished_at, exit.oom_killed});
  }
  LeaveIfIdle();
}

}  // namespace crisp::shim
