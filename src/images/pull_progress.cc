#include "images/pull_progress.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace crisp {

PullProgress::PullProgress(std::string reference, std::chrono::nanoseconds log_interval)
    : reference_(std::move(reference)), log_interval_(log_interval) {}

PullState PullProgress::Look() const {
  PullState state;
  state.reference = reference_;
  MutexLock lock(mutex_);
  state.elapsed = std::min(ended_, MonoClock::now()) - begun_;
  state.endpoint = endpoint_;
  state.parts.reserve(parts_.size());
  for (const Part& part : parts_) {
    state.parts.push_back({part.kind, part.digest, part.state, part.received, part.size, part.endpoint});
  }
  return state;
}

void PullProgress::Begin(PullPart::Kind kind, const std::string& digest, uint64_t size) {
  MutexLock lock(mutex_);
  parts_.emplace_back(kind, digest, size, PullPart::State::kReceiving);
}

void PullProgress::End(const std::string& digest, uint64_t size) {
  MutexLock lock(mutex_);
  Part* part = Find(digest);
  if (part == nullptr) return;
  part->size = size;
  part->received = size;
  part->state = PullPart::State::kDone;
}

// The layers come later, and no pointer into the deque has been given out.
void PullProgress::GiveUp(const std::string& digest) {
  MutexLock lock(mutex_);
  if (!parts_.empty() && parts_.back().digest == digest) parts_.pop_back();
}

void PullProgress::Add(PullPart::Kind kind, const std::string& digest, uint64_t size, PullPart::State state) {
  MutexLock lock(mutex_);
  Part& part = parts_.emplace_back(kind, digest, size, state);
  part.endpoint = endpoint_;
  if (state == PullPart::State::kDone) part.received = size;
}

void PullProgress::AddLayers(const std::vector<LayerDescriptor>& layers) {
  MutexLock lock(mutex_);
  first_layer_ = parts_.size();
  for (const LayerDescriptor& layer : layers) {
    parts_.emplace_back(PullPart::Kind::kLayer, layer.digest, layer.size, PullPart::State::kWaiting);
  }
}

void PullProgress::SetLayer(size_t layer, PullPart::State state) {
  MutexLock lock(mutex_);
  parts_.at(first_layer_ + layer).state = state;
}

std::atomic<uint64_t>* PullProgress::Receive(const std::string& digest) {
  MutexLock lock(mutex_);
  for (Part& part : parts_) {
    if (part.digest != digest || part.state != PullPart::State::kReceiving || part.counted) continue;
    part.counted = true;
    return &part.received;
  }
  return nullptr;
}

void PullProgress::Answered(const std::string& digest, const std::string& endpoint) {
  MutexLock lock(mutex_);
  endpoint_ = endpoint;
  if (Part* part = Find(digest)) part->endpoint = endpoint;
}

// The one that is being received, if there are several.
PullProgress::Part* PullProgress::Find(const std::string& digest) {
  Part* found = nullptr;
  for (Part& part : parts_) {
    if (part.digest != digest) continue;
    if (part.state == PullPart::State::kReceiving) return &part;
    if (found == nullptr) found = &part;
  }
  return found;
}

void PullProgress::Stop() {
  MutexLock lock(mutex_);
  ended_ = MonoClock::now();
}

void PullProgress::LogIfLong() {
  const MonoTime now = MonoClock::now();
  if (now < next_line_) return;
  next_line_ = now + log_interval_;
  const PullState state = Look();
  uint64_t received = 0, bytes = 0, done = 0, layers = 0;
  for (const PullPart& part : state.parts) {
    if (part.kind != PullPart::Kind::kLayer) continue;
    ++layers;
    const bool here = part.state == PullPart::State::kDone || part.state == PullPart::State::kExists;
    if (here) ++done;
    if (part.state == PullPart::State::kExists) continue;  // nothing of it is to come
    received += part.received;
    bytes += part.size;
  }
  LogInfo("an image is being pulled",
          {{"image", reference_},
           {"seconds", std::chrono::duration_cast<std::chrono::seconds>(state.elapsed).count()},
           {"received_bytes", received},
           {"bytes", bytes},
           {"layers_done", done},
           {"layers", layers},
           {"endpoint", state.endpoint}});
}

std::vector<std::shared_ptr<const PullProgress>> PullBoard::AtWork() const {
  std::map<uint64_t, std::shared_ptr<const PullProgress>> by_number;
  {
    MutexLock lock(mutex_);
    for (const auto& [key, at] : keys_) {
      if (at.progress != nullptr) by_number[at.number] = at.progress;
    }
  }
  std::vector<std::shared_ptr<const PullProgress>> pulls;
  for (auto& [number, progress] : by_number) pulls.push_back(std::move(progress));
  return pulls;
}

std::shared_ptr<PullProgress> PullBoard::Begin(const std::string& key, const std::string& reference) {
  auto progress = std::make_shared<PullProgress>(reference);
  MutexLock lock(mutex_);
  AtKey& at = keys_[key];
  at.progress = progress;
  at.number = ++begun_;
  for (PullWatch* watch : at.watches) watch->Set(progress);
  return progress;
}

void PullBoard::End(const std::string& key) {
  MutexLock lock(mutex_);
  AtKey& at = keys_[key];
  at.progress->Stop();
  at.progress = nullptr;
  DropIfEmpty(key);
}

void PullBoard::DropIfEmpty(const std::string& key) {
  const auto at = keys_.find(key);
  if (at != keys_.end() && at->second.progress == nullptr && at->second.watches.empty()) keys_.erase(at);
}

PullBoard::Watching::Watching(PullBoard* board, std::string key, PullWatch* watch)
    : board_(board), key_(std::move(key)), watch_(watch) {
  if (watch_ == nullptr) return;
  MutexLock lock(board_->mutex_);
  AtKey& at = board_->keys_[key_];
  at.watches.insert(watch_);
  if (at.progress != nullptr) watch_->Set(at.progress);
}

PullBoard::Watching::~Watching() {
  if (watch_ == nullptr) return;
  MutexLock lock(board_->mutex_);
  board_->keys_[key_].watches.erase(watch_);
  board_->DropIfEmpty(key_);
}

}  // namespace crisp
