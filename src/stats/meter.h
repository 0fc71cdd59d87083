// Meter: reads what one container, or one pod as a whole, uses. It keeps the files that it reads open, and the last
// reading of the processor time, from which it makes the rate: nothing runs between two readings.
//
// Threading: all methods from any thread. Readings of one meter wait for each other, for the few microseconds that
// files of the kernel take.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "os/cgroup_reader.h"
#include "os/link_stats.h"

namespace crisp {

// The rate of a counter of nanoseconds, in nanoseconds a second.
class CpuRate {
 public:
  // The shortest interval that gives a meaningful rate. A reading that follows sooner gets the previous rate.
  static constexpr std::chrono::milliseconds kShortest{100};

  // Nothing for the first reading, and for the first one after the counter was reset.
  std::optional<uint64_t> Add(MonoTime now, uint64_t nanos);

 private:
  struct Reading {
    MonoTime at;
    uint64_t nanos;
  };
  std::optional<Reading> last_;
  std::optional<uint64_t> rate_;
};

struct MeterReading {
  int64_t at = 0;  // wall-clock nanoseconds
  CgroupUsage usage;
  std::optional<uint64_t> cpu_rate;  // nanoseconds a second
};

class Meter {
 public:
  // `place` is asked for the cgroups at the first reading. Nothing after Close.
  std::optional<MeterReading> Read(absl::FunctionRef<cgroup::Dirs()> place);
  std::optional<CgroupDetails> ReadDetails(absl::FunctionRef<cgroup::Dirs()> place);

  // Interfaces of the network namespace at `netns_path`; the same at each call. None after Close.
  absl::StatusOr<std::vector<LinkReading>> ReadLinks(const std::string& netns_path);

  // Closes all files for good. A socket in a network namespace would keep the namespace alive.
  void Close();

 private:
  CgroupReader* ReaderLocked(absl::FunctionRef<cgroup::Dirs()> place) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<CgroupReader> reader_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<LinkStats> links_ ABSL_GUARDED_BY(mutex_);
  CpuRate rate_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
