#include "runtime/shim_connection.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/unix_socket.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kDeathGrace{5};        // of a shim whose connection has ended
constexpr std::chrono::milliseconds kSendAgain{100};  // to a shim whose socket is full
constexpr std::chrono::seconds kExecUndoTimeout{3};   // for the shim to confirm that a cancelled exec is killed
constexpr int kPacketsAtOnce = 32;                    // of one shim, before others have their turn on the reactor

absl::Status Gone() {
  return absl::UnavailableError("the shim is gone, or serves another daemon");
}

absl::Status ToStatus(const shim::Error& error) {
  const std::string text = absl::StrCat(error.step, ": ", error.text);
  switch (error.code) {
    case shim::ErrorCode::kDeadline:
      return absl::DeadlineExceededError(text);
    case shim::ErrorCode::kCancelled:
      return absl::CancelledError(text);
    case shim::ErrorCode::kBusy:
      return absl::AbortedError(text);
    case shim::ErrorCode::kNotRunning:
      return absl::FailedPreconditionError(text);
    case shim::ErrorCode::kUseRuntime:
      return absl::UnimplementedError(text);
    default:
      return absl::InternalError(text);
  }
}

// The status of a request whose caller has gone: of the caller's own code, with the shim's text.
absl::Status UndoneStatus(const absl::Status& over, const shim::Error& error) {
  return absl::Status(over.code(), absl::StrCat(error.step, ": ", error.text));
}

absl::Status Undecided(const std::string& container_id, const absl::Status& over) {
  return absl::UnknownError(absl::StrCat(over.message(), ", and the shim has not confirmed that container ",
                                         container_id,
                                         " is undone: its start is undecided, and a repeated one joins it"));
}

bool TakeItem(std::string_view packet, ShimAnswer* answer) {
  shim::ListItem item;
  if (!shim::Decode(packet, &item)) return false;
  answer->containers.push_back({item.container_id,
                                item.exited != 0,
                                {static_cast<pid_t>(item.pid), item.started_at},
                                {static_cast<int>(item.exit_code), item.finished_at, item.oom_killed != 0},
                                item.starting != 0,
                                {item.log_dropping != 0, item.log_lost_bytes, item.log_lost_lines, ""}});
  return true;
}

// The shim keeps to the limit; a shim that does not must not fill the daemon.
bool TakeOutput(std::string_view packet, ShimAnswer* answer) {
  shim::ExecOutput chunk;
  if (!shim::Decode(packet, &chunk) || chunk.stream < 1 || chunk.stream > 2) return false;
  std::string& into = answer->output[chunk.stream - 1];
  into.append(chunk.data.substr(0, answer->output_limit - std::min<uint64_t>(answer->output_limit, into.size())));
  return true;
}

// Adds an answer to what is known. False if it cannot be read.
bool Take(shim::Type type, std::string_view packet, ShimAnswer* answer) {
  answer->done = type != shim::Type::kListItem && type != shim::Type::kExecOutput;
  switch (type) {
    case shim::Type::kHelloReply:
      return shim::Decode(packet, &answer->hello);
    case shim::Type::kStarted:
      return shim::Decode(packet, &answer->started);
    case shim::Type::kListItem:
      return TakeItem(packet, answer);
    case shim::Type::kExecOutput:
      return TakeOutput(packet, answer);
    case shim::Type::kExecDone: {
      shim::ExecDone done;
      const bool whole = shim::Decode(packet, &done);
      answer->exit_code = done.exit_code;
      answer->exec = done.exec;
      return whole;
    }
    case shim::Type::kError:
      return shim::Decode(packet, &answer->error.emplace());
    default:
      return type == shim::Type::kDone || type == shim::Type::kOpened;
  }
}

absl::StatusOr<int> HowItEnded(shim::Type type, std::string_view packet) {
  shim::ExecDone exec;
  if (type == shim::Type::kExecDone && shim::Decode(packet, &exec)) return static_cast<int>(exec.exit_code);
  shim::AttachDone attach;
  if (type == shim::Type::kAttachDone && shim::Decode(packet, &attach)) return static_cast<int>(attach.exit_code);
  shim::Error error;
  if (type == shim::Type::kError && shim::Decode(packet, &error)) return ToStatus(error);
  return absl::InternalError("the shim's answer makes no sense");
}

}  // namespace

absl::Status ShimConnection::Begin() {
  return reactor_.Watch(socket_.get(), [self = shared_from_this()] { self->OnReadable(); });
}

void ShimConnection::Close() {
  {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  reactor_.Unwatch(socket_.get());
  if (pidfd_.valid()) reactor_.Unwatch(pidfd_.get());
  LoseStreams();
}

absl::Status ShimConnection::Greet(const std::string& pod_id, const CallContext& call) {
  ASSIGN_OR_RETURN(const ShimAnswer answer, Ask(shim::Hello(), call));
  if (answer.hello.pod_id != pod_id) {
    return absl::InternalError(absl::StrCat("the shim keeps pod ", answer.hello.pod_id, ", not ", pod_id));
  }
  Learn(answer.hello);
  return WatchProcess(static_cast<pid_t>(answer.hello.pid));
}

void ShimConnection::Learn(const shim::HelloReply& reply) {
  MutexLock lock(mutex_);
  version_ = reply.version;
  build_ = reply.build;
}

absl::Status ShimConnection::Upgrade(const std::string& program, const CallContext& call) {
  ASSIGN_OR_RETURN(const ShimAnswer answer, Ask(shim::Upgrade{program}, call));
  Learn(answer.hello);
  return absl::OkStatus();
}

uint32_t ShimConnection::version() {
  MutexLock lock(mutex_);
  return version_;
}

absl::Status ShimConnection::CheckVersion(uint32_t needed, absl::string_view what) {
  MutexLock lock(mutex_);
  if (version_ >= needed) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("the pod's shim was started by an older crisp, which had no ", what, "; create the pod anew"));
}

// The pid of the hello names the shim for as long as it is alive, which an open connection shows.
absl::Status ShimConnection::WatchProcess(pid_t pid) {
  pidfd_ = Pidfd::Open(pid);
  pollfd peer{socket_.get(), POLLRDHUP, 0};
  if (!pidfd_.valid() || poll(&peer, 1, 0) != 0) return Gone();
  {
    MutexLock lock(mutex_);
    if (gone_) return Gone();
    pid_ = pid;
  }
  return reactor_.Watch(pidfd_.get(), [self = shared_from_this()] { self->OnProcessGone(); });
}

pid_t ShimConnection::pid() {
  MutexLock lock(mutex_);
  return pid_;
}

std::string ShimConnection::build() {
  MutexLock lock(mutex_);
  return build_;
}

// ---- requests ----

uint64_t ShimConnection::NextId() {
  MutexLock lock(mutex_);
  return ++last_id_;
}

absl::Status ShimConnection::Exchange(uint64_t id, const std::string& packet, ShimAnswer* answer,
                                      const std::vector<int>& attached, bool cancel, const CallContext& call) {
  const ProcessWait wait(call, pid());
  RETURN_IF_ERROR(Send(id, packet, answer, attached, call));
  MutexLock lock(mutex_);
  const absl::Status answered = Await(id, *answer, cancel, call);
  waiting_.erase(id);
  if (!answered.ok()) return answered;
  return answer->error.has_value() ? ToStatus(*answer->error) : absl::OkStatus();
}

absl::Status ShimConnection::Send(uint64_t id, const std::string& packet, ShimAnswer* answer,
                                  const std::vector<int>& attached, const CallContext& call) {
  {
    MutexLock lock(mutex_);
    if (gone_) return Gone();
    RETURN_IF_ERROR(call.Check());  // nothing is begun for a caller that has gone
    waiting_[id] = answer;
  }
  const absl::Status sent = packet.empty() ? absl::InternalError("an id or a path is longer than the shim takes")
                                           : SendPacket(socket_.get(), packet, attached, call);
  if (sent.ok()) return sent;
  MutexLock lock(mutex_);
  waiting_.erase(id);
  // A dead peer shows in the errno too, perhaps before the reactor has seen it.
  return gone_ || ErrnoOf(sent) == EPIPE || ErrnoOf(sent) == ECONNRESET ? Gone() : sent;
}

absl::Status ShimConnection::Await(uint64_t id, const ShimAnswer& answer, bool cancel, const CallContext& call) {
  while (!answer.done) {
    if (gone_) return Gone();
    if (const absl::Status over = call.Check(); !over.ok()) {
      if (!cancel) return over;
      return AwaitUndone(id, answer, over);
    }
    changed_.WaitUntil(mutex_, call.NextLook());
  }
  return absl::OkStatus();
}

absl::Status ShimConnection::AwaitUndone(uint64_t id, const ShimAnswer& answer, const absl::Status& over) {
  const MonoTime patience = MonoClock::now() + std::min<std::chrono::nanoseconds>(undo_timeout_, kExecUndoTimeout);
  mutex_.Unlock();
  SendCancel(id);
  mutex_.Lock();
  while (!answer.done && !gone_ && MonoClock::now() < patience) changed_.WaitUntil(mutex_, patience);
  if (!answer.done) return gone_ ? Gone() : Annotate(over, "the shim did not confirm that all is undone");
  if (!answer.error.has_value()) return absl::OkStatus();  // it had just succeeded
  return UndoneStatus(over, *answer.error);
}

// ---- starts ----

absl::StatusOr<shim::Started> ShimConnection::Start(shim::Start request, const CallContext& call) {
  const ProcessWait wait(call, pid());
  const std::string container_id = request.container_id;
  bool joined = true;
  std::shared_ptr<PendingStart> start = FindOrAddStart(container_id, &joined);
  if (!joined) {
    const absl::Status sent =
        Send(start->request, shim::Encode(start->request, std::move(request)), &start->answer, {}, call);
    if (!sent.ok()) {
      EndUnsentStart(container_id, *start, sent);
      return sent;
    }
  }
  MutexLock lock(mutex_);
  RETURN_IF_ERROR(AwaitStart(container_id, *start, call));
  EraseStart(container_id, *start);
  if (!start->answer.error.has_value()) return start->answer.started;
  const shim::Error& error = *start->answer.error;
  const absl::Status over = error.code == shim::ErrorCode::kCancelled ? call.Check() : absl::OkStatus();
  return over.ok() ? ToStatus(error) : UndoneStatus(over, error);
}

std::shared_ptr<ShimConnection::PendingStart> ShimConnection::FindOrAddStart(const std::string& container_id,
                                                                             bool* joined) {
  MutexLock lock(mutex_);
  std::shared_ptr<PendingStart>& start = starts_[container_id];
  *joined = start != nullptr;
  if (*joined) return start;
  start = std::make_shared<PendingStart>();
  start->request = ++last_id_;
  return start;
}

void ShimConnection::EndUnsentStart(const std::string& container_id, PendingStart& start, const absl::Status& why) {
  MutexLock lock(mutex_);
  EraseStart(container_id, start);
  start.answer.error = shim::Error{shim::ErrorCode::kInternal, "create", std::string(why.message())};
  start.answer.done = true;
  changed_.NotifyAll();
}

absl::Status ShimConnection::AwaitStart(const std::string& container_id, PendingStart& start, const CallContext& call) {
  while (!start.answer.done) {
    if (gone_) return Gone();
    const absl::Status over = call.Check();
    if (!over.ok() && !start.undo_deadline.has_value()) {
      start.undo_deadline = MonoClock::now() + undo_timeout_;
      mutex_.Unlock();
      SendCancel(start.request);
      mutex_.Lock();
    } else if (!over.ok() && MonoClock::now() >= *start.undo_deadline) {
      return Undecided(container_id, over);
    } else {
      changed_.WaitUntil(mutex_, over.ok() ? call.NextLook() : *start.undo_deadline);
    }
  }
  return absl::OkStatus();
}

void ShimConnection::EraseStart(const std::string& container_id, const PendingStart& start) {
  waiting_.erase(start.request);
  const auto known = starts_.find(container_id);
  if (known != starts_.end() && known->second.get() == &start) starts_.erase(known);
}

void ShimConnection::ForgetStart(const std::string& container_id) {
  MutexLock lock(mutex_);
  const auto known = starts_.find(container_id);
  if (known == starts_.end() || !known->second->answer.done) return;
  waiting_.erase(known->second->request);
  starts_.erase(known);
}

void ShimConnection::set_undo_timeout(std::chrono::nanoseconds timeout) {
  MutexLock lock(mutex_);
  undo_timeout_ = timeout;
}

absl::Status ShimConnection::EndProcess(const CallContext& call) {
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  const absl::Status asked = Ask(shim::Shutdown(), call).status();
  if (!asked.ok() && !absl::IsUnavailable(asked)) return asked;
  MutexLock lock(mutex_);
  cleaned_up_ = cleaned_up_ || asked.ok();
  // Unavailable: it has died, or another daemon has it now.
  RETURN_IF_ERROR(AwaitDeath(asked.ok() ? call : call.Within(kDeathGrace)));
  if (cleaned_up_) return absl::OkStatus();
  return absl::UnavailableError("the shim has died before it took its containers away");
}

absl::Status ShimConnection::KillProcess(const CallContext& call) {
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  if (const int error = pidfd_.Signal(SIGKILL); error != 0 && error != ESRCH) {
    return ErrnoStatus(error, "send SIGKILL");
  }
  MutexLock lock(mutex_);
  return AwaitDeath(call);
}

absl::Status ShimConnection::AwaitDeath(const CallContext& call) {
  while (!process_gone_) {
    RETURN_IF_ERROR(call.Check(), "wait for the shim to end");
    changed_.WaitUntil(mutex_, call.NextLook());
  }
  return absl::OkStatus();
}

// ---- streams ----

void ShimConnection::CloseStream(uint64_t request) {
  {
    MutexLock lock(mutex_);
    if (streams_.erase(request) == 0) return;  // it has ended
  }
  SendCancel(request);
}

// Retried until the socket has room: a lost one would leave the request running for as long as the connection.
void ShimConnection::SendCancel(uint64_t request) {
  {
    MutexLock lock(mutex_);
    if (gone_ || closed_) return;
  }
  const std::string packet = shim::Encode(NextId(), shim::Cancel{request});
  if (!absl::IsDeadlineExceeded(SendPacket(socket_.get(), packet, {}, CallContext(MonoClock::now())))) return;
  reactor_.PostAt(MonoClock::now() + kSendAgain, [self = shared_from_this(), request] { self->SendCancel(request); });
}

void ShimConnection::LoseStreams() {
  std::map<uint64_t, std::shared_ptr<StreamExit>> lost;
  {
    MutexLock lock(mutex_);
    lost.swap(streams_);
  }
  for (const auto& [request, end] : lost) end->Set(Gone());
}

bool ShimConnection::OnStreamExit(const shim::Header& header, std::string_view packet) {
  std::shared_ptr<StreamExit> end;
  {
    MutexLock lock(mutex_);
    const auto found = streams_.find(header.id);
    if (found == streams_.end()) return false;
    end = std::move(found->second);
    streams_.erase(found);
  }
  end->Set(HowItEnded(header.type, packet));
  return true;
}

// ---- on the reactor's thread ----

void ShimConnection::OnProcessGone() {
  reactor_.Unwatch(pidfd_.get());
  MutexLock lock(mutex_);
  process_gone_ = true;
  changed_.NotifyAll();
}

void ShimConnection::OnReadable() {
  thread_local std::vector<char> buffer(shim::kMaxMessage);  // one reactor thread: one buffer for all shims
  for (int i = 0; i < kPacketsAtOnce; ++i) {
    Fd attached;
    const absl::StatusOr<size_t> size = ReceivePacket(socket_.get(), buffer.data(), buffer.size(), &attached);
    if (!size.ok() && ErrnoOf(size.status()) == EAGAIN) return;
    if (!size.ok() || *size == 0) return OnGone();
    OnPacket({buffer.data(), *size}, std::move(attached));
    MutexLock lock(mutex_);
    if (closed_) return;
  }
}

void ShimConnection::OnGone() {
  reactor_.Unwatch(socket_.get());
  bool report = false;
  {
    MutexLock lock(mutex_);
    gone_ = true;
    report = !closed_ && !ending_ && pid_ > 0;  // before the hello the caller of Greet gets the error
    changed_.NotifyAll();
  }
  LoseStreams();
  if (report) listener_->OnShimGone();
}

void ShimConnection::OnPacket(std::string_view packet, Fd attached) {
  shim::Header header;
  if (!shim::DecodeHeader(packet, &header)) return;
  if (header.type == shim::Type::kExited) return OnExited(packet);
  if (header.type == shim::Type::kOomKill) return OnOomKill(packet);
  if (header.type == shim::Type::kLogLost) return OnLogLost(packet);
  if (OnStreamExit(header, packet)) return;
  MutexLock lock(mutex_);
  const auto found = waiting_.find(header.id);
  if (found == waiting_.end()) return;  // of a call that has been given up
  if (!Take(header.type, packet, found->second)) {
    found->second->error = shim::Error{shim::ErrorCode::kMalformed, "decode", "the shim's answer makes no sense"};
    found->second->done = true;
  }
  found->second->attached = std::move(attached);
  if (header.type == shim::Type::kOpened && found->second->end != nullptr) {
    streams_[header.id] = found->second->end;  // from here on, what comes for it is its end
  }
  if (found->second->done) changed_.NotifyAll();
}

void ShimConnection::OnExited(std::string_view packet) {
  shim::Exited exited;
  if (!shim::Decode(packet, &exited)) return;
  listener_->OnExit(exited.container_id,
                    {static_cast<int>(exited.exit_code), exited.finished_at, exited.oom_killed != 0});
}

void ShimConnection::OnOomKill(std::string_view packet) {
  shim::OomKill kill;
  if (shim::Decode(packet, &kill)) listener_->OnOomKill(kill.container_id, kill.kills);
}

void ShimConnection::OnLogLost(std::string_view packet) {
  shim::LogLost lost;
  if (!shim::Decode(packet, &lost)) return;
  listener_->OnLogLoss(lost.container_id, {lost.dropping != 0, lost.bytes, lost.lines, std::move(lost.error)});
}

}  // namespace crisp
