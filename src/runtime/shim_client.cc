#include "runtime/shim_client.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/pipe.h"
#include "os/process.h"
#include "os/reactor.h"
#include "os/unix_socket.h"
#include "runtime/oci_runtime.h"
#include "runtime/shim_client_stream.h"
#include "runtime/shim_connection.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kHelloTimeout{10};  // of a shim that has just been started

uint64_t NanosLeft(const CallContext& call) {
  if (call.deadline() == kNoDeadline) return 0;
  const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(call.deadline() - MonoClock::now());
  return static_cast<uint64_t>(std::max<int64_t>(left.count(), 1));
}

uint32_t StdioFlags(const StartRequest& request) {
  return (request.input ? shim::Start::kStdin : 0) | (request.input_once ? shim::Start::kStdinOnce : 0) |
         (request.terminal ? shim::Start::kTerminal : 0) | (request.attachable ? shim::Start::kAttachable : 0);
}

MonoTime MonoTimeOf(int64_t nanos) {
  return MonoTime(std::chrono::nanoseconds(nanos));
}

// A run of the OCI runtime in the shim, as a part of what `call` is at. Shims before version 6 of the protocol do not
// tell it.
void AddRun(const CallContext& call, const char* name, const shim::RunTimes& times, pid_t shim) {
  if (times.begun <= 0 || times.ended <= 0 || !call.IsRecorded()) return;
  call.AddPart({name, MonoTimeOf(times.begun), MonoTimeOf(times.ended), {{"shim_pid", absl::StrCat(shim)}}});
}

absl::StatusOr<Fd> InMemory(absl::string_view text) {
  Fd file(memfd_create("process", MFD_CLOEXEC));
  if (!file.valid()) return ErrnoStatus(errno, "make a memory file");
  RETURN_IF_ERROR(WriteAll(file.get(), text, "process object"));
  return file;
}

constexpr uint32_t kTakesPlans = 8;  // since this version of the protocol

// What a request asks to run, in a file: its plan if it has one.
template <typename Request>
absl::StatusOr<Fd> ProcessOf(const Request& request, uint32_t version) {
  if (request.plan.empty()) return InMemory(request.process_json);
  if (version < kTakesPlans) return absl::UnimplementedError("this shim only runs what the OCI runtime is told");
  return InMemory(request.plan);
}

// The pipes of a stream: this side's ends, non-blocking, and the other's, in the order in which the protocol has them.
struct Pipes {
  ShimStream::Descriptors ours;
  std::vector<Fd> theirs;
  uint8_t streams = 0;

  std::vector<int> Descriptors() const {
    std::vector<int> descriptors;
    for (const Fd& fd : theirs) descriptors.push_back(fd.get());
    return descriptors;
  }
};

absl::Status AddPipe(uint8_t stream, Fd* ours, Pipes* pipes) {
  const PipeEnd which = stream == shim::kStdinBit ? PipeEnd::kWrite : PipeEnd::kRead;
  if (const int error = MakePipe(which, ours, &pipes->theirs.emplace_back()); error != 0) {
    return ErrnoStatus(error, "make a pipe");
  }
  pipes->streams |= stream;
  return absl::OkStatus();
}

absl::StatusOr<Pipes> MakePipes(const StdioStreams& streams) {
  Pipes pipes;
  if (streams.input) RETURN_IF_ERROR(AddPipe(shim::kStdinBit, &pipes.ours.input, &pipes));
  if (streams.output) RETURN_IF_ERROR(AddPipe(shim::kStdoutBit, &pipes.ours.output, &pipes));
  if (streams.error_output) RETURN_IF_ERROR(AddPipe(shim::kStderrBit, &pipes.ours.error_output, &pipes));
  return pipes;
}

absl::StatusOr<Fd> Duplicate(const Fd& fd) {
  Fd copy(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.valid()) return ErrnoStatus(errno, "duplicate a terminal's descriptor");
  return copy;
}

// The output always: a terminal that nobody reads stops whoever writes to it.
absl::StatusOr<ShimStream::Descriptors> TerminalDescriptors(const Fd& master, bool input) {
  ShimStream::Descriptors ends;
  if (input) {
    ASSIGN_OR_RETURN(ends.input, Duplicate(master));
  }
  ASSIGN_OR_RETURN(ends.output, Duplicate(master));
  return ends;
}

// The zombie of a shim that dies before its daemon does, whether or not a client still is there.
absl::Status ReapWhenItEnds(Reactor& reactor, Pidfd pidfd) {
  auto held = std::make_shared<Pidfd>(std::move(pidfd));
  const int fd = held->get();
  return reactor.Watch(fd, [&reactor, held] {
    held->TryReap();
    reactor.Unwatch(held->get());
  });
}

}  // namespace

ShimClient::ShimClient(std::shared_ptr<ShimConnection> connection) : connection_(std::move(connection)) {}

ShimClient::~ShimClient() {
  connection_->Close();
}

absl::StatusOr<std::unique_ptr<ShimClient>> ShimClient::Open(Reactor& reactor, const std::string& pod_id,
                                                             const ShimPaths& paths, ShimListener* listener,
                                                             const CallContext& call) {
  ASSIGN_OR_RETURN(Fd socket, ConnectPackets(paths.socket));
  RETURN_IF_ERROR(CheckPeer(socket.get()), paths.socket);
  // From here on the client's destructor takes everything back.
  std::unique_ptr<ShimClient> client(
      new ShimClient(std::make_shared<ShimConnection>(reactor, listener, std::move(socket), kUndoTimeout)));
  RETURN_IF_ERROR(client->connection_->Begin());
  RETURN_IF_ERROR(client->connection_->Greet(pod_id, call), "greet");
  return client;
}

absl::StatusOr<std::unique_ptr<ShimClient>> ShimClient::Launch(Reactor& reactor, const std::string& pod_id,
                                                               const ShimPaths& paths, ShimListener* listener,
                                                               const CallContext& call) {
  ASSIGN_OR_RETURN(Fd socket, ListenPackets(paths.socket), "launch shim");
  ASSIGN_OR_RETURN(Child child,
                   SpawnDetached(paths.program, {"--pod", pod_id, "--socket", paths.socket, "--log", paths.log},
                                 RuntimeEnvironment(), {socket.get(), -1, -1}),
                   "launch shim");
  socket.reset();
  const Pidfd pidfd = child.pidfd.Duplicate();
  const absl::Status watched = ReapWhenItEnds(reactor, std::move(child.pidfd));
  absl::StatusOr<std::unique_ptr<ShimClient>> client =
      watched.ok() ? Open(reactor, pod_id, paths, listener, call.Within(kHelloTimeout)) : watched;
  if (client.ok()) return client;
  pidfd.Signal(SIGKILL);
  unlink(paths.socket.c_str());
  return Annotate(client.status(), absl::StrCat("launch shim ", paths.program));
}

absl::StatusOr<std::unique_ptr<ShimClient>> ShimClient::Connect(Reactor& reactor, const std::string& pod_id,
                                                                const ShimPaths& paths, ShimListener* listener,
                                                                const CallContext& call) {
  auto client = Open(reactor, pod_id, paths, listener, call);
  if (client.ok()) return client;
  const int error = ErrnoOf(client.status());
  const bool nobody = error == ENOENT || error == ECONNREFUSED || error == ECONNRESET;
  const absl::Status status = nobody ? absl::UnavailableError(client.status().message()) : client.status();
  return Annotate(status, "connect to the shim");
}

void ShimClient::set_undo_timeout(std::chrono::nanoseconds timeout) {
  connection_->set_undo_timeout(timeout);
}

pid_t ShimClient::pid() const {
  return connection_->pid();
}

std::string ShimClient::build() const {
  return connection_->build();
}

absl::StatusOr<std::vector<ShimContainer>> ShimClient::List(const CallContext& call) {
  ASSIGN_OR_RETURN(ShimAnswer answer, connection_->Ask(shim::List{}, call), "list the shim's containers");
  return std::move(answer.containers);
}

absl::StatusOr<StartedContainer> ShimClient::Start(const StartRequest& request, const CallContext& call) {
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
  start.timeout_ns = NanosLeft(call);
  start.stdio_flags = StdioFlags(request);
  start.stdio_uid = request.stdio_uid;
  start.stdio_gid = request.stdio_gid;
  start.log_wait_ns = static_cast<uint64_t>(std::max<int64_t>(request.log_wait.count(), 0));
  if (request.input || request.terminal) {
    RETURN_IF_ERROR(connection_->CheckVersion(2, "containers with stdin or a terminal"), "start container");
  }
  ASSIGN_OR_RETURN(const shim::Started started, connection_->Start(std::move(start), call), "start container");
  AddRun(call, "OCI runtime create", started.create, pid());
  AddRun(call, "OCI runtime start", started.start, pid());
  return StartedContainer{static_cast<pid_t>(started.pid), started.started_at};
}

absl::Status ShimClient::Kill(const std::string& container_id, int signal, bool all, const CallContext& call) {
  shim::Kill kill{container_id, static_cast<uint32_t>(signal), static_cast<uint8_t>(all ? 1 : 0)};
  return Annotate(connection_->Ask(std::move(kill), call).status(), absl::StrCat("signal ", signal));
}

absl::Status ShimClient::Delete(const std::string& container_id, const CallContext& call) {
  RETURN_IF_ERROR(connection_->Ask(shim::Delete{container_id, NanosLeft(call)}, call), "delete container");
  connection_->ForgetStart(container_id);
  return absl::OkStatus();
}

absl::StatusOr<ExecResult> ShimClient::Exec(const ExecRequest& request, const CallContext& call) {
  const bool planned = !request.plan.empty();
  ASSIGN_OR_RETURN(const Fd process, ProcessOf(request, connection_->version()), "exec");
  shim::Exec exec{request.container_id, static_cast<uint64_t>(request.timeout.count()), request.output_limit, planned};
  ShimAnswer pending;
  pending.output_limit = request.output_limit;
  ASSIGN_OR_RETURN(ShimAnswer answer,
                   connection_->AskWith(std::move(exec), std::move(pending), {process.get()}, /*cancel=*/true, call));
  AddRun(call, planned ? "native exec" : "OCI runtime exec", answer.exec, pid());
  return ExecResult{static_cast<int>(answer.exit_code), std::move(answer.output[0]), std::move(answer.output[1])};
}

absl::StatusOr<std::unique_ptr<ShimStream>> ShimClient::OpenExec(const ExecStreamRequest& request,
                                                                 const CallContext& call) {
  RETURN_IF_ERROR(connection_->CheckVersion(2, "exec with streams"));
  ASSIGN_OR_RETURN(const Fd process, ProcessOf(request, connection_->version()), "exec");
  const bool terminal = request.streams.terminal;
  // A terminal's master takes the place of pipes.
  ASSIGN_OR_RETURN(Pipes pipes, MakePipes(terminal ? StdioStreams() : request.streams), "exec");
  std::vector<int> descriptors = pipes.Descriptors();
  descriptors.insert(descriptors.begin(), process.get());
  shim::ExecStream exec{request.container_id, pipes.streams, static_cast<uint8_t>(terminal ? 1 : 0),
                        static_cast<uint8_t>(request.plan.empty() ? 0 : 1)};
  ASSIGN_OR_RETURN(OpenedStream opened, connection_->OpenStream(std::move(exec), descriptors, call));
  absl::StatusOr<ShimStream::Descriptors> ends = std::move(pipes.ours);
  if (terminal) ends = TerminalDescriptors(opened.attached, request.streams.input);
  if (!ends.ok()) {
    connection_->CloseStream(opened.request);
    return Annotate(ends.status(), "exec");
  }
  return std::make_unique<ShimClientStream>(connection_, opened.request, std::move(opened.end), *std::move(ends),
                                            std::move(opened.attached));
}

absl::StatusOr<std::unique_ptr<ShimStream>> ShimClient::Attach(const AttachRequest& request, const CallContext& call) {
  RETURN_IF_ERROR(connection_->CheckVersion(2, "attach"));
  ASSIGN_OR_RETURN(Pipes pipes, MakePipes(request.streams), "attach");
  shim::Attach attach{request.container_id, pipes.streams};
  ASSIGN_OR_RETURN(OpenedStream opened, connection_->OpenStream(std::move(attach), pipes.Descriptors(), call));
  return std::make_unique<ShimClientStream>(connection_, opened.request, std::move(opened.end), std::move(pipes.ours),
                                            std::move(opened.attached));
}

absl::Status ShimClient::ReopenLog(const std::string& container_id, const CallContext& call) {
  return connection_->Ask(shim::ReopenLog{container_id}, call).status();
}

absl::Status ShimClient::Upgrade(const ShimProgram& program, const CallContext& call) {
  RETURN_IF_ERROR(connection_->CheckVersion(7, "upgrade in place"));
  RETURN_IF_ERROR(connection_->Upgrade(program.path, call));
  if (build() == program.build) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("upgrade: ", program.path, " could not go on from the shim's state, and the ",
                                          "shim runs its old program again: ", build()));
}

absl::Status ShimClient::Shutdown(const CallContext& call) {
  return Annotate(connection_->EndProcess(call), "shut the shim down");
}

absl::Status ShimClient::Terminate(const CallContext& call) {
  return Annotate(connection_->KillProcess(call), "kill the shim");
}

}  // namespace crisp
