#include "runtime/shim_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "os/errno_status.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/process.h"
#include "os/reactor.h"
#include "os/unix_socket.h"
#include "shim/codec.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kHelloTimeout{10};
// How long a shim may take, after its caller has gone, to kill, clean up and answer: a killed runtime (2 s), then
// `delete --force` (10 s), and some.
constexpr std::chrono::seconds kCleanUpGrace{20};
constexpr int kPacketsAtOnce = 32;  // of one shim, before others have their turn on the reactor
constexpr size_t kMaxConfigJson = 8 << 20;

// What the runtime finds in its environment: it looks for helpers such as newuidmap.
const char kPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// What one request has been answered so far.
struct Pending {
  bool done = false;
  std::optional<shim::Error> error;
  shim::HelloReply hello;
  shim::Started started;
  uint32_t exit_code = 0;
  std::vector<ShimContainer> containers;
  uint64_t output_limit = 0;
  std::string output[2];
};

uint64_t NanosLeft(const Call& call) {
  if (call.deadline() == kNoDeadline) return 0;
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(call.deadline() - MonoClock::now());
  return static_cast<uint64_t>(std::max<int64_t>(left.count(), 1));
}

absl::Status ToStatus(const shim::Error& error) {
  const std::string text = absl::StrCat(error.step, ": ", error.text);
  switch (error.code) {
    case shim::ErrorCode::kDeadline:
      return absl::DeadlineExceededError(text);
    case shim::ErrorCode::kCancelled:
      return absl::CancelledError(text);
    default:
      return absl::InternalError(text);
  }
}

absl::StatusOr<std::string> CgroupsPathOf(const std::string& bundle) {
  const std::string path = absl::StrCat(bundle, "/config.json");
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, path, kMaxConfigJson));
  const auto config = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json::json_pointer where("/linux/cgroupsPath");
  if (config.is_discarded() || !config.contains(where) || !config[where].is_string()) {
    return absl::InternalError(absl::StrCat(path, " has no linux.cgroupsPath"));
  }
  return config[where].get<std::string>();
}

absl::StatusOr<Fd> InMemory(absl::string_view text) {
  Fd file(memfd_create("process.json", MFD_CLOEXEC));
  if (!file.valid()) return ErrnoStatus(errno, "make a memory file");
  RETURN_IF_ERROR(WriteAll(file.get(), text, "process object"));
  return file;
}

// The zombie of a shim that dies before its daemon does, whether or not a client still is there.
absl::Status ReapWhenItEnds(Reactor& reactor, Fd pidfd) {
  auto held = std::make_shared<Fd>(std::move(pidfd));
  const int fd = held->get();
  return reactor.Watch(fd, [&reactor, held] {
    siginfo_t info{};
    waitid(P_PIDFD, static_cast<id_t>(held->get()), &info, WEXITED | WNOHANG);
    reactor.Unwatch(held->get());
  });
}

}  // namespace

class ShimClient::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Reactor& reactor, ShimListener* listener, Fd socket)
      : reactor_(reactor), listener_(listener), socket_(std::move(socket)) {}

  absl::Status Begin() {
    return reactor_.Watch(socket_.get(), [self = shared_from_this()] { self->OnReadable(); });
  }

  void Close() {
    {
      MutexLock lock(mutex_);
      closed_ = true;
    }
    reactor_.Unwatch(socket_.get());
    if (pidfd_.valid()) reactor_.Unwatch(pidfd_.get());
  }

  absl::Status Greet(const std::string& pod_id, const Call& call) {
    ASSIGN_OR_RETURN(const Pending answer, Ask(shim::Hello{}, call));
    if (answer.hello.pod_id != pod_id) {
      return absl::InternalError(absl::StrCat("the shim keeps pod ", answer.hello.pod_id, ", not ", pod_id));
    }
    pid_ = static_cast<pid_t>(answer.hello.pid);
    return WatchProcess();
  }

  // Sends the request and waits for its answer.
  template <typename Request>
  absl::StatusOr<Pending> Ask(Request request, const Call& call) {
    return AskWith(std::move(request), Pending(), -1, /*cancel=*/false, call);
  }

  // `attached`: a descriptor that goes with it, or -1. `cancel`: when the call is over, the request is cancelled, and
  // its answer, that all has been undone, is waited for.
  template <typename Request>
  absl::StatusOr<Pending> AskWith(Request request, Pending pending, int attached, bool cancel, const Call& call) {
    uint64_t id = 0;
    {
      MutexLock lock(mutex_);
      if (gone_) return Gone();
      id = ++last_id_;
      pending_[id] = &pending;
    }
    const std::string packet = shim::Encode(id, std::move(request));
    absl::Status sent = packet.empty() ? absl::InternalError("a path is longer than the shim takes")
                                       : SendPacket(socket_.get(), packet, attached, call);
    MutexLock lock(mutex_);
    if (sent.ok()) sent = Await(id, pending, cancel, call);
    pending_.erase(id);
    RETURN_IF_ERROR(sent);
    if (pending.error.has_value()) return ToStatus(*pending.error);
    return pending;
  }

  absl::Status EndProcess(const Call& call) {
    {
      MutexLock lock(mutex_);
      ending_ = true;
      if (process_gone_) return absl::OkStatus();
    }
    const absl::Status asked = Ask(shim::Shutdown{}, call).status();
    MutexLock lock(mutex_);
    while (!process_gone_) {
      if (!asked.ok() && !gone_) return asked;
      RETURN_IF_ERROR(call.Check(), "wait for the shim to end");
      changed_.WaitUntil(mutex_, call.NextLook());
    }
    return absl::OkStatus();
  }

  pid_t pid() const { return pid_; }

 private:
  static absl::Status Gone() { return absl::UnavailableError("the shim is gone, or serves another daemon"); }

  // Returns once `pending` is done, or it is no use to wait.
  absl::Status Await(uint64_t id, const Pending& pending, bool cancel, const Call& call)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (!pending.done) {
      if (gone_) return Gone();
      if (const absl::Status over = call.Check(); !over.ok()) {
        if (!cancel) return over;
        return AwaitUndone(id, pending, over);
      }
      changed_.WaitUntil(mutex_, call.NextLook());
    }
    return absl::OkStatus();
  }

  absl::Status AwaitUndone(uint64_t id, const Pending& pending, const absl::Status& over)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const MonoTime patience = MonoClock::now() + kCleanUpGrace;
    mutex_.Unlock();
    const absl::Status sent = SendPacket(socket_.get(), shim::Encode(NextId(), shim::Cancel{id}), -1, Call(patience));
    mutex_.Lock();
    while (sent.ok() && !pending.done && !gone_ && MonoClock::now() < patience) changed_.WaitUntil(mutex_, patience);
    if (!pending.done) return Annotate(over, "the shim did not confirm that all is undone");
    if (!pending.error.has_value()) return absl::OkStatus();  // it had just succeeded
    return absl::Status(over.code(), absl::StrCat(pending.error->step, ": ", pending.error->text));
  }

  uint64_t NextId() {
    MutexLock lock(mutex_);
    return ++last_id_;
  }

  // The pid of the hello names the shim for as long as it is alive, which an open connection shows.
  absl::Status WatchProcess() {
    pidfd_ = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    pollfd peer{socket_.get(), POLLRDHUP, 0};
    if (!pidfd_.valid() || poll(&peer, 1, 0) != 0) return Gone();
    return reactor_.Watch(pidfd_.get(), [self = shared_from_this()] { self->OnProcessGone(); });
  }

  void OnProcessGone() {
    reactor_.Unwatch(pidfd_.get());
    MutexLock lock(mutex_);
    process_gone_ = true;
    changed_.NotifyAll();
  }

  void OnReadable() {
    static thread_local char buffer[shim::kMaxMessage];  // one reactor thread: one buffer for all shims
    for (int i = 0; i < kPacketsAtOnce; ++i) {
      const absl::StatusOr<size_t> size = ReceivePacket(socket_.get(), buffer, sizeof(buffer));
      if (!size.ok() && ErrnoOf(size.status()) == EAGAIN) return;
      if (!size.ok() || *size == 0) return OnGone();
      OnPacket({buffer, *size});
      MutexLock lock(mutex_);
      if (closed_) return;
    }
  }

  void OnGone() {
    reactor_.Unwatch(socket_.get());
    bool tell = false;
    {
      MutexLock lock(mutex_);
      gone_ = true;
      tell = !closed_ && !ending_ && pid_ > 0;  // before the hello nobody has been promised a shim
      changed_.NotifyAll();
    }
    if (tell) listener_->OnShimGone();
  }

  void OnPacket(std::string_view packet) {
    shim::Header header;
    if (!shim::DecodeHeader(packet, &header)) return;
    if (header.type == shim::Type::kExited) return OnExited(packet);
    MutexLock lock(mutex_);
    const auto found = pending_.find(header.id);
    if (found == pending_.end()) return;  // of a call that has been given up
    if (!Take(header.type, packet, found->second)) {
      found->second->error = shim::Error{shim::ErrorCode::kMalformed, "decode", "the shim's answer makes no sense"};
      found->second->done = true;
    }
    if (found->second->done) changed_.NotifyAll();
  }

  void OnExited(std::string_view packet) {
    shim::Exited exited;
    if (!shim::Decode(packet, &exited)) return;
    listener_->OnExit(exited.container_id,
                      {static_cast<int>(exited.exit_code), exited.finished_at, exited.oom_killed != 0});
  }

  // Adds an answer to what is known. False if it cannot be read.
  static bool Take(shim::Type type, std::string_view packet, Pending* pending) {
    pending->done = type != shim::Type::kListItem && type != shim::Type::kExecOutput;
    switch (type) {
      case shim::Type::kHelloReply:
        return shim::Decode(packet, &pending->hello);
      case shim::Type::kStarted:
        return shim::Decode(packet, &pending->started);
      case shim::Type::kListItem:
        return TakeItem(packet, pending);
      case shim::Type::kExecOutput:
        return TakeOutput(packet, pending);
      case shim::Type::kExecDone: {
        shim::ExecDone done;
        const bool whole = shim::Decode(packet, &done);
        pending->exit_code = done.exit_code;
        return whole;
      }
      case shim::Type::kError:
        return shim::Decode(packet, &pending->error.emplace());
      default:
        return type == shim::Type::kDone;
    }
  }

  static bool TakeItem(std::string_view packet, Pending* pending) {
    shim::ListItem item;
    if (!shim::Decode(packet, &item)) return false;
    pending->containers.push_back({item.container_id,
                                   item.exited != 0,
                                   {static_cast<pid_t>(item.pid), item.started_at},
                                   {static_cast<int>(item.exit_code), item.finished_at, item.oom_killed != 0}});
    return true;
  }

  // The shim keeps to the limit; a shim that does not must not fill the daemon.
  static bool TakeOutput(std::string_view packet, Pending* pending) {
    shim::ExecOutput chunk;
    if (!shim::Decode(packet, &chunk) || chunk.stream < 1 || chunk.stream > 2) return false;
    std::string& into = pending->output[chunk.stream - 1];
    into.append(chunk.data.substr(0, pending->output_limit - std::min<uint64_t>(pending->output_limit, into.size())));
    return true;
  }

  Reactor& reactor_;
  ShimListener* listener_;
  const Fd socket_;
  Fd pidfd_;
  pid_t pid_ = -1;
  Mutex mutex_;
  CondVar changed_;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, Pending*> pending_ ABSL_GUARDED_BY(mutex_);  // on their callers' stacks
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
  bool process_gone_ ABSL_GUARDED_BY(mutex_) = false;
};

ShimClient::ShimClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

ShimClient::~ShimClient() {
  impl_->Close();
}

absl::StatusOr<std::unique_ptr<ShimClient>> ShimClient::Open(Reactor& reactor, const std::string& pod_id,
                                                             const ShimPaths& paths, ShimListener* listener,
                                                             const Call& call) {
  ASSIGN_OR_RETURN(Fd socket, ConnectPackets(paths.socket));
  RETURN_IF_ERROR(CheckPeer(socket.get()), paths.socket);
  // From here on the client's destructor takes everything back.
  std::unique_ptr<ShimClient> client(new ShimClient(std::make_shared<Impl>(reactor, listener, std::move(socket))));
  RETURN_IF_ERROR(client->impl_->Begin());
  RETURN_IF_ERROR(client->impl_->Greet(pod_id, call.Within(kHelloTimeout)), "greet");
  return client;
}

absl::StatusOr<std::unique_ptr<ShimClient>> ShimClient::Launch(Reactor& reactor, const std::string& pod_id,
                                                               const ShimPaths& paths, ShimListener* listener,
                                                               const Call& call) {
  ASSIGN_OR_RETURN(Fd socket, ListenPackets(paths.socket), "launch shim");
  ASSIGN_OR_RETURN(Child child,
                   SpawnDetached(paths.program, {"--pod", pod_id, "--socket", paths.socket, "--log", paths.log},
                                 {kPath}, {socket.get(), -1, -1}),
                   "launch shim");
  socket.reset();
  const Fd pidfd(fcntl(child.pidfd.get(), F_DUPFD_CLOEXEC, 0));
  const absl::Status watched = ReapWhenItEnds(reactor, std::move(child.pidfd));
  absl::StatusOr<std::unique_ptr<ShimClient>> client =
      watched.ok() ? Open(reactor, pod_id, paths, listener, call) : watched;
  if (client.ok()) return client;
  syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
  unlink(paths.socket.c_str());
  return Annotate(client.status(), absl::StrCat("launch shim ", paths.program));
}

absl::StatusOr<std::unique_ptr<ShimClient>> ShimClient::Connect(Reactor& reactor, const std::string& pod_id,
                                                                const ShimPaths& paths, ShimListener* listener,
                                                                const Call& call) {
  auto client = Open(reactor, pod_id, paths, listener, call);
  if (client.ok()) return client;
  const int error = ErrnoOf(client.status());
  const bool nobody = error == ENOENT || error == ECONNREFUSED || error == ECONNRESET;
  const absl::Status status = nobody ? absl::UnavailableError(client.status().message()) : client.status();
  return Annotate(status, "connect to the shim");
}

pid_t ShimClient::pid() const {
  return impl_->pid();
}

absl::StatusOr<std::vector<ShimContainer>> ShimClient::List(const Call& call) {
  ASSIGN_OR_RETURN(Pending answer, impl_->Ask(shim::List{}, call), "list the shim's containers");
  return std::move(answer.containers);
}

absl::StatusOr<StartedContainer> ShimClient::Start(const StartRequest& request, const Call& call) {
  shim::Start start;
  start.container_id = request.container_id;
  start.bundle = request.bundle;
  start.exit_path = request.exit_path;
  start.log_path = request.log_path;
  start.log_line_limit = request.log_line_limit;
  start.runtime_binary = request.runtime.binary;
  start.runtime_root = request.runtime.root;
  start.runtime_flags = (request.runtime.systemd_cgroup ? shim::Start::kSystemdCgroup : 0) |
                        (request.runtime.no_pivot_root ? shim::Start::kNoPivotRoot : 0) |
                        (request.runtime.no_new_keyring ? shim::Start::kNoNewKeyring : 0);
  start.cgroups_path = request.cgroups_path;
  if (start.cgroups_path.empty()) {
    ASSIGN_OR_RETURN(start.cgroups_path, CgroupsPathOf(request.bundle), "start container");
  }
  start.timeout_ns = NanosLeft(call);
  ASSIGN_OR_RETURN(const Pending answer, impl_->AskWith(std::move(start), Pending(), -1, /*cancel=*/true, call),
                   "start container");
  return StartedContainer{static_cast<pid_t>(answer.started.pid), answer.started.started_at};
}

absl::Status ShimClient::Kill(const std::string& container_id, int signal, bool all, const Call& call) {
  shim::Kill kill{container_id, static_cast<uint32_t>(signal), static_cast<uint8_t>(all ? 1 : 0)};
  return Annotate(impl_->Ask(std::move(kill), call).status(), absl::StrCat("signal ", signal));
}

absl::Status ShimClient::Delete(const std::string& container_id, const Call& call) {
  return Annotate(impl_->Ask(shim::Delete{container_id, NanosLeft(call)}, call).status(), "delete container");
}

absl::StatusOr<ExecResult> ShimClient::Exec(const ExecRequest& request, const Call& call) {
  ASSIGN_OR_RETURN(const Fd process, InMemory(request.process_json), "exec");
  shim::Exec exec{request.container_id, static_cast<uint64_t>(request.timeout.count()), request.output_limit};
  Pending pending;
  pending.output_limit = request.output_limit;
  ASSIGN_OR_RETURN(Pending answer,
                   impl_->AskWith(std::move(exec), std::move(pending), process.get(), /*cancel=*/true, call));
  return ExecResult{static_cast<int>(answer.exit_code), std::move(answer.output[0]), std::move(answer.output[1])};
}

absl::Status ShimClient::ReopenLog(const std::string& container_id, const Call& call) {
  return impl_->Ask(shim::ReopenLog{container_id}, call).status();
}

absl::Status ShimClient::Shutdown(const Call& call) {
  return Annotate(impl_->EndProcess(call), "shut the shim down");
}

}  // namespace crisp
