// Operations: what this process does for clients, an entry for each StepLog (base/step_log.h). For the answer to "why
// does it take so long".
//
// Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"

namespace crisp {

struct OperationView {
  uint64_t id = 0;        // counts from the start of the process
  std::string operation;  // "RunPodSandbox"
  OwnedLogFields fields;  // of its log lines: what it is about
  MonoTime begun;
  std::string last_step;         // that was finished; empty: none
  MonoTime last_done;            // when it was finished; `begun` if none was
  std::vector<pid_t> waits_for;  // processes
  std::vector<pid_t> threads;    // that have worked on it, by gettid(2)
};

// Tells what an operation is doing. View is called with the list locked.
class OperationSource {
 public:
  virtual ~OperationSource() = default;
  virtual OperationView View() const = 0;  // without the id
};

class Operations {
 public:
  // Those of this process.
  static Operations& All();

  // Oldest first.
  std::vector<OperationView> View() const;

  // `busy` is called, on the thread that begins it, for an operation that is the only one. Null: nobody. It must not
  // block, and is not called any more once this has returned.
  void SetListener(std::function<void()> busy);

  // Returns the operation's id. `source` stays until Leave.
  uint64_t Enter(const OperationSource* source);
  void Leave(uint64_t id);

 private:
  mutable Mutex mutex_;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, const OperationSource*> running_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> busy_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
