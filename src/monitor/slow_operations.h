// SlowOperations: writes a warning for each operation that has been in flight for 30 s, for 2 min and for 10 min, with
// what it waits for. Its thread sleeps while there are no operations.
//
// Threading: one object at a time in a process.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace crisp {

class SlowOperations {
 public:
  // `ages` ascend.
  static absl::StatusOr<std::unique_ptr<SlowOperations>> Start(std::vector<std::chrono::milliseconds> ages = {
                                                                   std::chrono::seconds(30), std::chrono::minutes(2),
                                                                   std::chrono::minutes(10)});
  ~SlowOperations();
  SlowOperations(const SlowOperations&) = delete;
  SlowOperations& operator=(const SlowOperations&) = delete;

 private:
  explicit SlowOperations(std::vector<std::chrono::milliseconds> ages) : ages_(std::move(ages)) {}
  void Watch();
  // Warns of what is due, and returns when something may be due next; kNoDeadline if nothing is in flight.
  MonoTime Look();

  const std::vector<std::chrono::milliseconds> ages_;
  std::map<uint64_t, size_t> warned_;  // by id: how many of the ages; the thread's own

  Mutex mutex_;
  CondVar changed_;
  bool busy_ ABSL_GUARDED_BY(mutex_) = true;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace crisp
