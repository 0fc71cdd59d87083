// DatabaseCounters: the transactions of the database, which owns it.
#pragma once

#include <atomic>

#include "base/counters.h"

namespace crisp {

struct DatabaseCounters {
  CountsByLabel<Counter> transactions{{"ok", "error"}};  // that were to change something
  TimeCounts commits;                                    // of the file
  std::atomic<bool> in_memory{false};                    // as Purpose::kFree says
};

}  // namespace crisp
