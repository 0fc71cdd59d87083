// PullSource: the messages of a pull that a client watches. One at once, then five a second at most and only when
// something has changed, and the last with the image's id.
//
// The pull waits on a thread of `workers`; the pauses are timers of the reactor.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "api/crisp/v1/crisp.pb.h"
#include "base/clock.h"
#include "server/message_source.h"

namespace crisp {

class NodeImages;
class Reactor;
class WorkerPool;

// What the watched pulls share. All must outlive them.
struct PullServing {
  NodeImages* images;
  Reactor* reactor;
  WorkerPool* workers;
  std::function<bool()> ending;  // true: calls end as if their clients had left
};

class PullSource final : public MessageSource<v1::PullProgress> {
 public:
  static constexpr std::chrono::milliseconds kInterval{200};

  // Begins the pull, or joins the one at work. Calls `wake`, from any thread, when there may be something to tell. The
  // stream ends with the pull's error; ResourceExhausted if `workers` refuses it.
  static std::unique_ptr<PullSource> Start(const PullServing& serving, const v1::PullRequest& request,
                                           std::function<void()> wake);
  // The client has left, or has all.
  ~PullSource() override;

  std::shared_ptr<const v1::PullProgress> Next() override;
  std::optional<absl::Status> End() override;

 private:
  struct Watched;

  explicit PullSource(std::shared_ptr<Watched> watched) : watched_(std::move(watched)) {}
  static void Tick(Reactor* reactor, const std::weak_ptr<Watched>& watched);
  v1::PullProgress Message() const;

  const std::shared_ptr<Watched> watched_;
  std::string told_;    // the message before, without its time
  MonoTime next_ = {};  // not before, but for the last one
  bool finished_ = false;
};

}  // namespace crisp
