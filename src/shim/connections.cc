#include "shim/connections.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "os/descriptor_message.h"
#include "shim/loop.h"
#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

constexpr int kBacklog = 8;
constexpr int64_t kAcceptPauseNanos = 100'000'000;

bool IsOurs(int socket) {
  ucred peer{};
  return PeerOf(socket, &peer) == 0 && peer.uid == geteuid();
}

// False if the socket has no room now. A broken socket counts as sent: reading from it reports the end.
bool SendNow(int socket, std::string_view packet, const Fd& attached) {
  const int fd = attached.get();
  const int error = SendMessage(socket, packet, &fd, attached.valid() ? 1 : 0);
  return error != EAGAIN && error != EINTR && error != ENOBUFS;
}

}  // namespace

int Attached::count() const {
  int n = 0;
  for (const Fd& fd : fds) n += fd.valid() ? 1 : 0;
  return n;
}

void Connections::Begin(Callbacks callbacks) {
  callbacks_ = std::move(callbacks);
  // The daemon has called listen(2) before, but SO_PEERCRED names the last caller, and clients expect the shim.
  listen(listener_.get(), kBacklog);
  WatchListener();
}

void Connections::WatchListener() {
  if (held_) return;
  context_.loop.Unwatch(listener_.get());
  context_.loop.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
}

// Without free descriptors the connection stays in the kernel's queue, and epoll would report it without end.
void Connections::PauseListener() {
  context_.loop.Unwatch(listener_.get());
  context_.loop.After(kAcceptPauseNanos, [this] { WatchListener(); });
}

void Connections::Accept() {
  Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket.valid()) return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? PauseListener() : void();
  if (!IsOurs(socket.get())) return LogFault("a connection of another user was refused");
  auto connection = std::make_shared<Connection>();
  connection->socket = std::move(socket);
  strangers_.push_back(connection);
  Watch(connection);
}

void Connections::Watch(const ConnectionRef& connection) {
  const uint32_t wanted = connection->queue.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
  context_.loop.Watch(connection->socket.get(), wanted, [this, connection](uint32_t events) {
    if ((events & EPOLLOUT) != 0) Flush(connection);
    if (connection->socket.valid() && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) Receive(connection);
  });
}

void Connections::HoldRequests() {
  held_ = true;
  context_.loop.Unwatch(listener_.get());
  for (const ConnectionRef& one : All()) context_.loop.Unwatch(one->socket.get());
}

void Connections::TakeRequests() {
  held_ = false;
  WatchListener();
  for (const ConnectionRef& one : All()) Watch(one);
}

std::vector<ConnectionRef> Connections::All() const {
  std::vector<ConnectionRef> all = strangers_;
  if (current_ != nullptr) all.push_back(current_);
  return all;
}

std::vector<ConnectionState> Connections::Save() const {
  std::vector<ConnectionState> states;
  for (const ConnectionRef& one : All()) {
    ConnectionState& state = states.emplace_back();
    state.socket = one->socket.get();
    state.greeted = one->greeted;
    state.current = one == current_;
    state.version = one->version;
    for (const Connection::Waiting& waiting : one->queue) {
      state.queue.push_back({waiting.packet, waiting.attached.get()});
    }
  }
  return states;
}

std::vector<ConnectionRef> Connections::Restore(const std::vector<ConnectionState>& states) {
  std::vector<ConnectionRef> restored;
  for (const ConnectionState& state : states) {
    auto one = std::make_shared<Connection>();
    one->socket.reset(state.socket);
    one->greeted = state.greeted != 0;
    one->version = state.version;
    for (const PacketState& waiting : state.queue) one->queue.push_back({waiting.packet, Fd(waiting.attached)});
    if (state.current != 0) {
      current_ = one;
    } else {
      strangers_.push_back(one);
    }
    Watch(one);
    restored.push_back(std::move(one));
  }
  return restored;
}

void Connections::Greet(const ConnectionRef& connection) {
  connection->greeted = true;
  std::erase(strangers_, connection);
  if (current_ != nullptr && current_ != connection) Close(current_);
  current_ = connection;
}

void Connections::Receive(const ConnectionRef& from) {
  Attached attached;
  const ReceivedMessage packet = ReceiveMessage(from->socket.get(), context_.scratch.bytes,
                                                sizeof(context_.scratch.bytes), attached.fds, kMaxDescriptors);
  if (packet.size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (packet.size <= 0) return Close(from);
  if (packet.cut_off) {
    LogFault("a packet longer than the protocol allows; the connection is closed");
    return Close(from);
  }
  const std::string_view bytes(context_.scratch.bytes, static_cast<size_t>(packet.size));
  if (Header header; packet.lacks_descriptors && DecodeHeader(bytes, &header)) {
    return Refuse(from, header.id, ErrorCode::kInternal, "receive", "the shim has no room for more descriptors");
  }
  callbacks_.received(from, bytes, std::move(attached));
}

bool Connections::Send(const ConnectionRef& to, std::string_view packet, Fd attached) {
  if (!to->socket.valid()) return true;
  if (to->queue.empty()) {
    if (SendNow(to->socket.get(), packet, attached)) return true;
    context_.loop.Change(to->socket.get(), EPOLLIN | EPOLLOUT);
  }
  to->queue.push_back({std::string(packet), std::move(attached)});
  return false;
}

void Connections::Flush(const ConnectionRef& to) {
  while (!to->queue.empty()) {
    const Connection::Waiting& first = to->queue.front();
    if (!SendNow(to->socket.get(), first.packet, first.attached)) return;
    to->queue.pop_front();
  }
  context_.loop.Change(to->socket.get(), EPOLLIN);
  callbacks_.drained(to);
}

void Connections::Close(const ConnectionRef& connection) {
  const ConnectionRef kept = connection;  // the reference may be to a member that is reset here
  context_.loop.Unwatch(kept->socket.get());
  kept->socket.reset();
  kept->queue.clear();
  if (current_ == kept) current_.reset();
  std::erase(strangers_, kept);
  callbacks_.closed(kept);
}

void Connections::Refuse(const ConnectionRef& to, uint64_t id, ErrorCode code, std::string_view step,
                         std::string_view text) {
  Answer(to, id, Error{code, std::string(step), std::string(text.substr(0, kMaxText))});
}

void Connections::AnswerOutcome(const ConnectionRef& to, uint64_t id, const std::optional<Failure>& failure) {
  if (!failure.has_value()) {
    Answer(to, id, Done{});
  } else {
    Refuse(to, id, failure->code, failure->step, failure->text);
  }
}

}  // namespace crisp::shim
