// SingleFlight: operations in flight, by key. A second caller of the same key joins the first and gets its result; a
// caller that gives up leaves the work going, so that its next call collects it. In a trace (base/trace.h) a caller
// that joins is linked to the call that began the work.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/counters.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "base/trace.h"

namespace crisp {

// Thread-safe. The destructor waits for the work in flight, and until what that holds is let go.
template <typename Result>
class SingleFlight {
 public:
  // Given to the work; true once nobody waits for it any more. Work that should not go on alone asks it.
  using Abandoned = std::function<bool()>;
  using Work = std::function<absl::StatusOr<Result>(const Abandoned&)>;

  SingleFlight() = default;
  ~SingleFlight() {
    MutexLock lock(mutex_);
    while (!flights_.empty()) landed_.Wait(mutex_);
  }

  // Runs `work` on a thread of its own unless one for `key` is in flight, and waits as long as `call` allows. Callers
  // that join are counted in `joined`, unless it is null.
  // ResourceExhausted if no thread can be had. AlreadyExists if the one in flight has other contents.
  absl::StatusOr<Result> Do(const std::string& key, const CallContext& call, Work work,
                            const std::string& contents = "", Counter* joined = nullptr) {
    std::shared_ptr<Flight> flight;
    {
      MutexLock lock(mutex_);
      if (const auto found = flights_.find(key); found != flights_.end()) {
        flight = found->second;
        if (flight->contents != contents) {
          return absl::AlreadyExistsError(absl::StrCat("another request is at work for ", key));
        }
        call.LinkTo(flight->begun_by);
        if (joined != nullptr) joined->Add();
      } else {
        flight = std::make_shared<Flight>();
        flight->contents = contents;
        flight->begun_by = call.trace();
        auto fly = [this, key, flight, work = std::move(work)]() mutable { Fly(key, *flight, std::move(work)); };
        ASSIGN_OR_RETURN(std::thread thread, StartThread("an operation", std::move(fly)));
        flights_[key] = flight;  // the lock is held: it cannot have landed
        thread.detach();
      }
      ++flight->waiting;
    }
    MutexLock lock(mutex_);
    while (!flight->result.has_value()) {
      if (absl::Status gone = call.Check(); !gone.ok()) {
        --flight->waiting;
        return gone;
      }
      landed_.WaitUntil(mutex_, call.NextLook());
    }
    --flight->waiting;
    return *flight->result;
  }

 private:
  struct Flight {
    int waiting = 0;
    std::string contents;
    TraceContext begun_by;
    std::optional<absl::StatusOr<Result>> result;
  };

  void Fly(const std::string& key, Flight& flight, Work work) {
    absl::StatusOr<Result> result = work([this, &flight] {
      MutexLock lock(mutex_);
      return flight.waiting == 0;
    });
    work = nullptr;  // what it holds is let go before the destructor can go on: its owner may be ending
    MutexLock lock(mutex_);
    flight.result = std::move(result);
    flights_.erase(key);
    landed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar landed_;
  std::map<std::string, std::shared_ptr<Flight>> flights_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
