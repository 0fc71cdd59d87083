#include "shim/input.h"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <cerrno>

namespace crisp::shim {
namespace {

constexpr size_t kAtOnce = 65536;
constexpr int kRounds = 16;  // before other descriptors have their turn

bool IsEmpty(int pipe) {
  int size = 0;
  return ioctl(pipe, FIONREAD, &size) == 0 && size == 0;
}

}  // namespace

void Input::Open(Fd sink, bool once) {
  sink_ = std::move(sink);
  once_ = once;
}

void Input::Close() {
  for (const Source& source : sources_) loop_.Unwatch(source.pipe.get());
  sources_.clear();
  loop_.Unwatch(sink_.get());
  sink_.reset();
  full_ = false;
}

InputState Input::Save() const {
  InputState state{sink_.get(), once_, full_, {}};
  for (const Source& source : sources_) state.sources.push_back({source.client, source.pipe.get()});
  return state;
}

void Input::Restore(const InputState& state) {
  sink_.reset(state.sink);
  once_ = state.once != 0;
  for (const SourceState& source : state.sources) {
    sources_.push_back({source.client, Fd(source.pipe)});
    WatchSource(sources_.back());
  }
  if (state.full != 0) WaitForRoom();
}

Input::Source* Input::Find(uint64_t client) {
  for (Source& source : sources_) {
    if (source.client == client) return &source;
  }
  return nullptr;
}

void Input::Add(uint64_t client, Fd source) {
  if (!sink_.valid()) return;
  sources_.push_back({client, std::move(source)});
  if (!full_) WatchSource(sources_.back());
}

void Input::Remove(uint64_t client) {
  const Source* const source = Find(client);
  if (source == nullptr) return;
  Move(source->pipe.get());
  EndSource(client);
}

void Input::WatchSource(const Source& source) {
  loop_.Watch(source.pipe.get(), EPOLLIN, [this, client = source.client](uint32_t) { Pump(client); });
}

void Input::Pump(uint64_t client) {
  switch (Move(Find(client)->pipe.get())) {
    case Moved::kEnd:
      return EndSource(client);
    case Moved::kNothingThere:
      return;
    case Moved::kNoRoom:
      return WaitForRoom();
    case Moved::kRefused:
      // The container has closed its stdin. (EIO: no process has the terminal open now.)
      return EndSource(client);
  }
}

Input::Moved Input::Move(int pipe) const {
  for (int i = 0; i < kRounds; ++i) {
    const ssize_t n = splice(pipe, nullptr, sink_.get(), nullptr, kAtOnce, SPLICE_F_NONBLOCK);
    if (n > 0) continue;
    if (n == 0) return Moved::kEnd;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Moved::kRefused;
    return IsEmpty(pipe) ? Moved::kNothingThere : Moved::kNoRoom;
  }
  return Moved::kNothingThere;  // there may be more: the pipe is still watched
}

// The sources are not watched meanwhile: epoll would report one that has hung up without end.
void Input::WaitForRoom() {
  full_ = true;
  for (const Source& source : sources_) loop_.Unwatch(source.pipe.get());
  loop_.Watch(sink_.get(), EPOLLOUT, [this](uint32_t) { OnRoom(); });
}

void Input::OnRoom() {
  full_ = false;
  loop_.Unwatch(sink_.get());
  for (const Source& source : sources_) WatchSource(source);
}

void Input::EndSource(uint64_t client) {
  if (once_) return Close();
  Source* const source = Find(client);
  loop_.Unwatch(source->pipe.get());
  sources_.erase(sources_.begin() + (source - sources_.data()));
  if (!sources_.empty() || !full_) return;
  full_ = false;
  loop_.Unwatch(sink_.get());
}

}  // namespace crisp::shim
