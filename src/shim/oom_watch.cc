#include "shim/oom_watch.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "shim/shim_log.h"

namespace crisp::shim {
namespace {

// The value of `oom_kill`; nothing if the cgroup is gone.
std::optional<int64_t> ReadOomKills(int fd) {
  char buffer[1024];
  const ssize_t n = pread(fd, buffer, sizeof(buffer), 0);
  if (n < 0) return std::nullopt;
  const std::string_view text(buffer, static_cast<size_t>(n));
  constexpr std::string_view kField = "oom_kill ";
  for (size_t at = text.find(kField); at != std::string_view::npos; at = text.find(kField, at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;
    int64_t count = 0;
    std::from_chars(text.data() + at + kField.size(), text.data() + text.size(), count);
    return count;
  }
  return 0;
}

Fd OpenToRead(const std::string& path) {
  return Fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

void OomWatch::Open(const cgroup::Dirs& dirs, Killed killed) {
  report_to_ = std::move(killed);
  for (const cgroup::Dir& dir : dirs) {
    if (dir.Has("memory")) return OpenV1(dir.path);
  }
  for (const cgroup::Dir& dir : dirs) {
    if (dir.v2) return OpenV2(dir.path);
  }
}

void OomWatch::OpenV1(const std::string& dir) {
  counts_ = OpenToRead(dir + "/memory.oom_control");
  event_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const Fd control(open((dir + "/cgroup.event_control").c_str(), O_WRONLY | O_CLOEXEC));
  const std::string line = std::to_string(event_.get()) + " " + std::to_string(counts_.get());
  if (!counts_.valid() || write(control.get(), line.data(), line.size()) < 0) {
    LogFault("watch " + dir + " for OOM kills");
    return;
  }
  loop_.Watch(event_.get(), EPOLLIN, [this](uint32_t) { Look(); });
}

void OomWatch::OpenV2(const std::string& dir) {
  counts_ = OpenToRead(dir + "/memory.events");
  if (!counts_.valid()) return;
  loop_.Watch(counts_.get(), EPOLLPRI, [this](uint32_t) { Look(); });
  // The root cgroup has no such file.
  counts_above_ = OpenToRead(dir.substr(0, dir.rfind('/')) + "/memory.events");
  if (counts_above_.valid()) loop_.Watch(counts_above_.get(), EPOLLPRI, [this](uint32_t) { Look(); });
  Look();
}

OomState OomWatch::Save() const {
  return {counts_.get(),        counts_above_.get(),  event_.get(), above_,    signals_,
          loop_.DueAt(settle_), loop_.DueAt(report_), kills_,       reported_, killed_};
}

// On v1 the kernel signals the eventfd, whichever program has it. One that is kept for Judge alone is not watched.
void OomWatch::Restore(const OomState& state, Killed killed) {
  report_to_ = std::move(killed);
  counts_.reset(state.counts);
  counts_above_.reset(state.counts_above);
  event_.reset(state.event);
  above_ = state.above;
  signals_ = state.signals;
  if (state.settle_due != 0) SettleAt(state.settle_due);
  if (state.report_due != 0) ReportAt(state.report_due);
  kills_ = state.kills;
  reported_ = state.reported;
  killed_ = state.killed != 0;
  if (!counts_.valid()) return;
  const auto look = [this](uint32_t) { Look(); };
  if (event_.valid()) return loop_.Watch(event_.get(), EPOLLIN, look);
  loop_.Watch(counts_.get(), EPOLLPRI, look);
  if (counts_above_.valid()) loop_.Watch(counts_above_.get(), EPOLLPRI, look);
}

void OomWatch::Close() {
  for (Fd* fd : {&event_, &counts_, &counts_above_}) {
    loop_.Unwatch(fd->get());
    fd->reset();
  }
  loop_.Cancel(&settle_);
  loop_.Cancel(&patience_);
  loop_.Cancel(&report_);
}

uint64_t OomWatch::TakeSignals() {
  uint64_t signals = 0;
  if (!event_.valid() || read(event_.get(), &signals, sizeof(signals)) < 0) return 0;
  return signals;
}

void OomWatch::Look() {
  const uint64_t signals = TakeSignals();
  signals_ += signals;
  const std::optional<int64_t> kills = ReadOomKills(counts_.get());
  if (!kills.has_value()) return OnGone();
  kills_ = *kills;
  killed_ = killed_ || kills_ > 0;
  if (counts_above_.valid()) above_ = ReadOomKills(counts_above_.get()).value_or(0);
  if (signals > 0 && !killed_ && settle_ == 0) SettleAt(MonoNanos() + kSettleNanos);
  if (report_ == 0) Report();
}

void OomWatch::Report() {
  report_ = 0;
  if (kills_ == reported_) return;
  reported_ = kills_;
  ReportAt(MonoNanos() + kReportNanos);
  report_to_(static_cast<uint64_t>(kills_));
}

void OomWatch::SettleAt(int64_t due) {
  settle_ = loop_.At(due, [this] { Settle(); });
}

void OomWatch::ReportAt(int64_t due) {
  report_ = loop_.At(due, [this] { Report(); });
}

void OomWatch::Settle() {
  settle_ = 0;
  signals_ = 0;
  Look();
}

// On v1 keeps the eventfd for Judge: its second signal may still come.
void OomWatch::OnGone() {
  killed_ = killed_ || (counts_above_.valid() && ReadOomKills(counts_above_.get()).value_or(0) > above_);
  Fd event = std::move(event_);
  loop_.Unwatch(event.get());
  Close();
  event_ = std::move(event);
}

void OomWatch::Judge(bool suspicious, Judged judged) {
  judged_ = std::move(judged);
  if (counts_.valid()) Look();
  if (counts_.valid() || !event_.valid()) return Tell();
  signals_ += TakeSignals();
  if (signals_ != 1) return JudgeBySignals();
  loop_.Watch(event_.get(), EPOLLIN, [this](uint32_t) { JudgeBySignals(); });
  patience_ = loop_.After(suspicious ? kSuspiciousNanos : kRemovalNanos, [this] { JudgeBySignals(); });
}

void OomWatch::JudgeBySignals() {
  signals_ += TakeSignals();
  killed_ = killed_ || signals_ > 1;
  Close();
  Tell();
}

void OomWatch::Tell() {
  const Judged judged = std::exchange(judged_, nullptr);
  judged(killed_);
}

}  // namespace crisp::shim
