#include "shim/collected_exec.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/pipe.h"
#include "shim/runtime_log.h"
#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

// The size of a packet's header and the two fields before the data. A chunk that is read to this offset of the scratch
// memory is encoded in place.
constexpr size_t kChunkOffset = kHeaderSize + 1 + 4;

}  // namespace

CollectedExec::CollectedExec(Context context, const Container& container, uint64_t number, const Exec& request,
                             Fd process, Client client)
    : context_(context),
      timeout_(static_cast<int64_t>(std::min<uint64_t>(request.timeout_ns, INT64_MAX / 4))),
      client_(std::move(client)),
      process_(context, container, number, {std::move(process), request.planned != 0}) {
  for (Stream& stream : streams_) stream.left = request.output_limit;
}

CollectedExec::~CollectedExec() {
  UnwatchStreams();
  context_.loop.Cancel(&deadline_);
  context_.loop.Cancel(&drain_);
}

void CollectedExec::Begin() {
  Fd write_ends[2];
  if (const int error = MakePipes(write_ends); error != 0) {
    return Finish({Failure{ErrorCode::kInternal, "exec", "make pipes: " + ErrorText(error)}, 0});
  }
  if (timeout_ > 0) DeadlineAt(MonoNanos() + timeout_);
  const int stdio[3] = {-1, write_ends[0].get(), write_ends[1].get()};
  process_.Launch(
      stdio, "", [this](std::optional<Failure> failure) { OnLaunched(std::move(failure)); },
      [this](int code) { OnExit(code); });
}

int CollectedExec::MakePipes(Fd (&write_ends)[2]) {
  for (int i = 0; i < 2; ++i) {
    if (const int error = MakePipe(PipeEnd::kRead, &streams_[i].read_end, &write_ends[i]); error != 0) return error;
  }
  return 0;
}

void CollectedExec::OnLaunched(std::optional<Failure> failure) {
  if (failure.has_value()) {
    char words[1024];
    const ssize_t n = read(streams_[1].read_end.get(), words, sizeof(words));
    if (process_.said_nothing() && n > 0) failure->text = LastLine({words, static_cast<size_t>(n)});
    return Finish({std::move(failure), 0});
  }
  WatchStreams();
}

void CollectedExec::WatchStreams() {
  for (int i = 0; i < 2; ++i) {
    if (!streams_[i].read_end.valid()) continue;
    context_.loop.Watch(streams_[i].read_end.get(), EPOLLIN, [this, i](uint32_t) { Read(i); });
  }
}

void CollectedExec::UnwatchStreams() {
  for (const Stream& stream : streams_) context_.loop.Unwatch(stream.read_end.get());
}

void CollectedExec::CloseStreams() {
  UnwatchStreams();
  for (Stream& stream : streams_) stream.read_end.reset();
}

void CollectedExec::Read(int index) {
  Take(index);
  FinishIfDrained();
}

size_t CollectedExec::Take(int index) {
  Stream& stream = streams_[index];
  char* const into = context_.scratch.bytes + kChunkOffset;
  const ssize_t n = read(stream.read_end.get(), into, kMaxChunk);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n <= 0) {
    context_.loop.Unwatch(stream.read_end.get());
    stream.read_end.reset();
    return 0;
  }
  const size_t kept = std::min<uint64_t>(static_cast<size_t>(n), stream.left);
  stream.left -= kept;
  if (kept > 0 && !client_.output(static_cast<uint8_t>(index + 1), {into, kept})) {
    paused_ = true;
    UnwatchStreams();
  }
  return static_cast<size_t>(n);
}

void CollectedExec::Resume() {
  if (!paused_) return;
  paused_ = false;
  WatchStreams();
  if (exit_code_.has_value()) AwaitEnds();
}

void CollectedExec::OnExit(int code) {
  exit_code_ = code;
  if (!streams_[0].read_end.valid() && !streams_[1].read_end.valid()) return FinishIfDrained();
  if (!paused_) AwaitEnds();
}

// The time counts only while the pipes are read: they may be full if the process ended while the daemon took nothing.
void CollectedExec::AwaitEnds() {
  context_.loop.Cancel(&drain_);
  DrainUntil(MonoNanos() + kDrainNanos);
}

void CollectedExec::DeadlineAt(int64_t due) {
  deadline_ = context_.loop.At(due, [this] { Cancel(ErrorCode::kDeadline); });
}

void CollectedExec::DrainUntil(int64_t due) {
  drain_ = context_.loop.At(due, [this] {
    if (!paused_) TakeRest();
  });
}

void CollectedExec::Save(SessionState owner, ShimState* state) const {
  owner.number = process_.number();
  CollectedExecState saved;
  saved.session = std::move(owner);
  saved.process = process_.Save();
  for (int i = 0; i < 2; ++i) {
    saved.ends[i] = streams_[i].read_end.get();
    saved.left[i] = streams_[i].left;
  }
  saved.exited = exit_code_.has_value();
  saved.exit_code = static_cast<uint32_t>(exit_code_.value_or(0));
  saved.paused = paused_;
  saved.deadline_due = context_.loop.DueAt(deadline_);
  saved.drain_due = context_.loop.DueAt(drain_);
  state->collected.push_back(std::move(saved));
}

void CollectedExec::Restore(const CollectedExecState& state) {
  process_.Restore(state.process, [this](int code) { OnExit(code); });
  for (int i = 0; i < 2; ++i) {
    streams_[i].read_end.reset(state.ends[i]);
    streams_[i].left = state.left[i];
  }
  if (state.exited != 0) exit_code_ = static_cast<int>(state.exit_code);
  paused_ = state.paused != 0;
  if (state.deadline_due != 0) DeadlineAt(state.deadline_due);
  if (state.drain_due != 0) DrainUntil(state.drain_due);
  if (!paused_) WatchStreams();
}

// A pipe that has not ended is held by another process, or the shim is late. What the exec wrote is in the pipe by now.
void CollectedExec::TakeRest() {
  for (int i = 0; i < 2; ++i) {
    if (!streams_[i].read_end.valid()) continue;
    const int capacity = fcntl(streams_[i].read_end.get(), F_GETPIPE_SZ);
    for (size_t left = static_cast<size_t>(std::max(capacity, 0)), n; left > 0 && (n = Take(i)) > 0;) {
      left -= std::min(left, n);
    }
  }
  CloseStreams();
  FinishIfDrained();
}

void CollectedExec::Cancel(ErrorCode why) {
  if (cancelled_.has_value()) return;
  context_.loop.Cancel(&deadline_);
  if (exit_code_.has_value()) return TakeRest();  // the process ended in time, only its pipes are still open
  CloseStreams();                                 // nobody reads more
  cancelled_ = why;
  process_.Kill([this] { Finish({}); });
}

void CollectedExec::FinishIfDrained() {
  if (!exit_code_.has_value() || streams_[0].read_end.valid() || streams_[1].read_end.valid()) return;
  Finish({std::nullopt, *exit_code_});
}

void CollectedExec::Finish(ExecEnd end) {
  context_.loop.Cancel(&drain_);
  context_.loop.Cancel(&deadline_);
  if (cancelled_.has_value()) {
    const bool late = *cancelled_ == ErrorCode::kDeadline;
    end.failure = Failure{*cancelled_, "exec", late ? "the command did not end in time and was killed" : "cancelled"};
  }
  end.launch = process_.launch_times();
  process_.Leave();
  client_.ended(end);
}

}  // namespace crisp::shim
