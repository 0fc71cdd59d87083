// What the figures are taken and printed with.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "e2e/processes.h"

namespace crisp::e2e {

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

inline double MillisOf(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

// What each step took, in milliseconds, in the order of the first call.
class Times {
 public:
  void Add(const std::string& step, const std::function<void()>& body) {
    const double taken = MillisOf(body);
    if (times_.count(step) == 0) order_.push_back(step);
    times_[step].push_back(taken);
  }
  void Print() const {
    for (const std::string& step : order_) {
      const auto& all = times_.at(step);
      printf("%-32s median %8.2f ms   least %8.2f   most %8.2f   of %zu\n", step.c_str(), Median(all),
             *std::min_element(all.begin(), all.end()), *std::max_element(all.begin(), all.end()), all.size());
    }
  }

 private:
  std::vector<std::string> order_;
  std::map<std::string, std::vector<double>> times_;
};

// In KiB: the proportional set size, which counts a page that n processes share as a part of n.
inline int64_t PssOf(pid_t pid) {
  return MemoryKib(pid, "smaps_rollup", "Pss");
}

}  // namespace crisp::e2e
