// For tests: a StreamTarget whose execs are real processes with pipes or a terminal, and whose pods' ports are those of
// 127.0.0.1.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "streaming/stream_target.h"

namespace crisp {

class ProcessTarget final : public StreamTarget {
 public:
  // An attach to container `id` starts `command`.
  void AddContainer(const std::string& id, std::vector<std::string> command);
  // Delays the opening of streams, unless the call is over first.
  void set_delay(std::chrono::milliseconds delay) { delay_ = delay; }

  absl::StatusOr<std::unique_ptr<StreamSession>> OpenExec(const StreamRequest& request,
                                                          const CallContext& call) override;
  absl::StatusOr<std::unique_ptr<StreamSession>> OpenAttach(const StreamRequest& request,
                                                            const CallContext& call) override;
  absl::StatusOr<LoopbackDial> Dial(const std::string& pod_id, uint16_t port) override;

  // The numbers of live sessions, of all sessions so far, and of those cancelled during the delay.
  int live() const { return live_; }
  int opened() const { return opened_; }
  int called_off() const { return called_off_; }

 private:
  friend class ProcessSession;

  std::atomic<std::chrono::milliseconds> delay_{std::chrono::milliseconds(0)};
  std::atomic<int> live_ = 0;
  std::atomic<int> opened_ = 0;
  std::atomic<int> called_off_ = 0;
  Mutex mutex_;
  std::map<std::string, std::vector<std::string>> containers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
