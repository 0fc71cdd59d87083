#include "server/pull_source.h"

#include <atomic>
#include <utility>

#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "base/mutex.h"
#include "base/worker_pool.h"
#include "images/node_images.h"
#include "images/pull_progress.h"
#include "os/reactor.h"
#include "server/own_messages.h"

namespace crisp {
namespace {

// What a change is looked for in: the time alone is none.
std::string WithoutTime(v1::PullProgress message) {
  message.clear_elapsed_ms();
  return message.SerializeAsString();
}

}  // namespace

// Shared with the thread that waits for the pull, which may see later than others that the client has left.
struct PullSource::Watched {
  std::string image;
  std::function<void()> wake;
  PullWatch watch;
  std::atomic<bool> left = false;
  Mutex mutex;
  std::optional<absl::StatusOr<std::string>> result ABSL_GUARDED_BY(mutex);

  std::optional<absl::StatusOr<std::string>> Result() {
    MutexLock lock(mutex);
    return result;
  }
  void SetResult(absl::StatusOr<std::string> ended) {
    MutexLock lock(mutex);
    result = std::move(ended);
  }
};

std::unique_ptr<PullSource> PullSource::Start(const PullServing& serving, const v1::PullRequest& request,
                                              std::function<void()> wake) {
  auto watched = std::make_shared<Watched>();
  watched->image = request.image();
  watched->wake = std::move(wake);
  std::unique_ptr<PullSource> source(new PullSource(watched));
  if (request.image().empty()) {
    watched->SetResult(absl::InvalidArgumentError("field image: name the image that is to be pulled"));
    return source;
  }
  const bool accepted = serving.workers->TryRun([serving, watched, auth = AuthOf(request.credentials())] {
    const CallContext call(kNoDeadline, [&] { return watched->left || serving.ending(); });
    watched->SetResult(serving.images->PullWatched(watched->image, auth, call, &watched->watch));
    watched->wake();
  });
  if (accepted) {
    Tick(serving.reactor, watched);
  } else {
    watched->SetResult(absl::ResourceExhaustedError("too many pulls are watched at once; try again later"));
  }
  return source;
}

PullSource::~PullSource() {
  watched_->left = true;
}

// Until the client has left, or has all.
void PullSource::Tick(Reactor* reactor, const std::weak_ptr<Watched>& weak) {
  reactor->PostAt(MonoClock::now() + kInterval, [reactor, weak] {
    const std::shared_ptr<Watched> watched = weak.lock();
    if (watched == nullptr || watched->left) return;
    watched->wake();
    Tick(reactor, weak);
  });
}

std::shared_ptr<const v1::PullProgress> PullSource::Next() {
  if (finished_) return nullptr;
  const std::optional<absl::StatusOr<std::string>> result = watched_->Result();
  if (result.has_value()) {
    finished_ = true;
    if (!result->ok()) return nullptr;
    v1::PullProgress last = Message();
    last.set_image(**result);
    return std::make_shared<const v1::PullProgress>(std::move(last));
  }
  if (MonoClock::now() < next_) return nullptr;
  v1::PullProgress message = Message();
  std::string told = WithoutTime(message);
  if (told == told_) return nullptr;
  told_ = std::move(told);
  next_ = MonoClock::now() + kInterval;
  return std::make_shared<const v1::PullProgress>(std::move(message));
}

std::optional<absl::Status> PullSource::End() {
  if (!finished_) return std::nullopt;
  return watched_->Result()->status();
}

v1::PullProgress PullSource::Message() const {
  if (const auto progress = watched_->watch.progress()) return PullMessage(progress->Look());
  v1::PullProgress message;  // it is about to begin
  const absl::StatusOr<std::string> whole = NormalizeReference(watched_->image);
  message.set_reference(whole.ok() ? *whole : watched_->image);
  return message;
}

}  // namespace crisp
