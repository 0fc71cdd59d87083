#include "streaming/command_session.h"

#include <fcntl.h>

#include <utility>

#include "absl/status/status.h"
#include "base/call_context.h"
#include "base/log.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

// The client is not read while more input than this waits for the process. It is large enough that a resize or a ping
// behind unread input still arrives.
constexpr size_t kMostInput = 1 << 20;

// Larger pipes let the process run on while a block is sent. The limit for unprivileged processes is 1 MiB
// (fs.pipe-max-size); if the kernel refuses, the pipe keeps its size.
constexpr int kPipeSize = 1 << 20;

// Limit for an exec to start, or for an attach to find its container.
constexpr std::chrono::seconds kOpenTimeout{120};

// After the process has ended, its children may still hold its output open. The session goes on while they write, and
// ends after this time of silence.
constexpr std::chrono::seconds kQuiet{2};

}  // namespace

// One output channel, from its descriptor to the client.
class CommandSession::Output final : private PipeReader::Target {
 public:
  Output(CommandSession* session, CommandChannel channel, Fd fd)
      : session_(session),
        channel_(channel),
        reader_(session->context_.loop, session->context_.blocks,
                std::make_shared<PumpedFd>(session->context_.loop, std::move(fd)), BlockPool::kBlock, this) {}

  void Start() { reader_.Start(); }
  bool ended() const { return ended_; }
  bool sending() const { return reader_.sending(); }
  uint64_t bytes() const { return reader_.bytes(); }

 private:
  void OnPiece(absl::string_view bytes, std::function<void()> sent) override {
    session_->context_.kind->sent_bytes.Add(bytes.size());
    session_->wire_->Send(channel_, bytes, std::move(sent));
  }
  void OnPipeEnd(int) override {
    ended_ = true;
    session_->wire_->End(channel_);
    session_->OnOutputEnd();
  }

  CommandSession* const session_;
  const CommandChannel channel_;
  bool ended_ = false;
  PipeReader reader_;
};

CommandSession::CommandSession(const StreamContext& context, StreamRequest request, bool attach,
                               std::function<void()> over)
    : context_(context),
      request_(std::move(request)),
      attach_(attach),
      over_(std::move(over)),
      input_([this] { wire_->Resume(); }),
      timer_(context.loop) {}

CommandSession::~CommandSession() {
  EndProcess();
}

void CommandSession::Start(const MakeWire& make_wire) {
  wire_ = make_wire(this);
  timer_.Start(context_.patience, [this] { OnGone("the client did not open its streams in time"); });
  wire_->Start();
}

void CommandSession::OnReady() {
  timer_.Cancel();
  // The call may outlive the session. Its result is destroyed then, which kills the exec.
  context_.calls->Run([target = context_.target, request = request_, attach = attach_, cancelled = cancelled_,
                       loop = context_.loop, calls = context_.calls, weak = std::weak_ptr<char>(alive_), this] {
    const CallContext call = CallContext(kNoDeadline, [cancelled] { return cancelled->load(); }).Within(kOpenTimeout);
    using Opened = absl::StatusOr<std::unique_ptr<StreamSession>>;
    auto opened =
        std::make_shared<Opened>(attach ? target->OpenAttach(request, call) : target->OpenExec(request, call));
    loop->Post([opened = std::move(opened), calls, weak, this]() mutable {
      if (!weak.expired()) return OnOpened(std::move(*opened));
      calls->Run([opened = std::move(opened)]() mutable { opened.reset(); });
    });
  });
}

void CommandSession::OnOpened(absl::StatusOr<std::unique_ptr<StreamSession>> opened) {
  if (!opened.ok()) {
    result_ = Annotate(opened.status(), attach_ ? "attach" : "exec");
    return Finish();
  }
  process_ = *std::move(opened);
  // Before any input, since input can make the process ask for the size.
  if (size_.has_value()) process_->Resize(size_->columns, size_->rows);
  Connect(process_->TakeDescriptors());
  process_->OnExit([loop = context_.loop, weak = std::weak_ptr<char>(alive_), this](absl::StatusOr<int> result) {
    loop->Post(weak, [this, result = std::move(result)] { OnResult(result); });
  });
}

void CommandSession::Connect(StreamDescriptors ends) {
  if (ends.input.valid()) {
    input_.Open(std::make_shared<PumpedFd>(context_.loop, std::move(ends.input)));
  } else {
    input_.Break();
  }
  const auto start = [this](CommandChannel channel, Fd fd, std::unique_ptr<Output>* output) {
    if (!fd.valid()) return wire_->End(channel);
    fcntl(fd.get(), F_SETPIPE_SZ, kPipeSize);
    *output = std::make_unique<Output>(this, channel, std::move(fd));
    (*output)->Start();
  };
  start(CommandChannel::kOutput, std::move(ends.output), &output_);
  start(CommandChannel::kErrorOutput, std::move(ends.error_output), &error_output_);
}

void CommandSession::OnChannelData(CommandChannel channel, absl::string_view bytes) {
  if (channel == CommandChannel::kInput && request_.streams.input) {
    context_.kind->received_bytes.Add(bytes.size());
    return input_.Write(bytes);
  }
  if (channel != CommandChannel::kResize || !request_.streams.terminal) return;
  if (const auto size = resizes_.Feed(bytes)) {
    size_ = size;
    if (process_ != nullptr) process_->Resize(size->columns, size->rows);
  }
}

void CommandSession::OnInputEnd() {
  input_.End([this] { input_.Break(); });  // Break closes the descriptor
}

bool CommandSession::MayRead() const {
  return input_.queued() < kMostInput;
}

void CommandSession::OnResult(absl::StatusOr<int> result) {
  if (finished_) return;
  // An attachment has no exit code: its end is a success.
  if (attach_ && result.ok()) result = 0;
  result_ = std::move(result);
  AwaitQuiet();
  OnOutputEnd();
}

void CommandSession::OnOutputEnd() {
  const bool all_sent =
      (output_ == nullptr || output_->ended()) && (error_output_ == nullptr || error_output_->ended());
  if (all_sent && result_.has_value()) Finish();
}

void CommandSession::AwaitQuiet() {
  const auto bytes = [](const auto& output) { return output == nullptr ? 0 : output->bytes(); };
  const auto sending = [](const auto& output) { return output != nullptr && output->sending(); };
  output_before_ = bytes(output_) + bytes(error_output_);
  timer_.Start(kQuiet, [this, bytes, sending] {
    const bool quiet = bytes(output_) + bytes(error_output_) == output_before_;
    const bool waits_for_client = sending(output_) || sending(error_output_);
    if (quiet && !waits_for_client) return Finish();
    AwaitQuiet();
  });
}

void CommandSession::Finish() {
  if (std::exchange(finished_, true)) return;
  timer_.Cancel();
  wire_->Finish(*result_);
  // Later: one of them may be the caller.
  context_.loop->Post(alive_, [this] {
    output_ = nullptr;
    error_output_ = nullptr;
  });
  EndProcess();
}

void CommandSession::OnGone(absl::string_view why) {
  if (std::exchange(gone_, true)) return;
  if (!finished_) LogInfo("stream ends early", {{"container_id", request_.container_id}, {"reason", why}});
  finished_ = true;
  timer_.Cancel();
  EndProcess();
  over_();
}

// The destructor of a process blocks, so it runs on a worker.
void CommandSession::EndProcess() {
  cancelled_->store(true);
  if (process_ != nullptr) {
    context_.calls->Run([process = std::exchange(process_, nullptr)]() mutable { process.reset(); });
  }
}

}  // namespace crisp
