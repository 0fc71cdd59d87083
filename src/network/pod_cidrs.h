// The node's ranges of pod addresses, which the kubelet tells by UpdateRuntimeConfig: "10.1.2.0/24,fd00:1::/64".
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace crisp {

// Each range as it is written, without spaces around. Empty for an empty text. InvalidArgument for what is no range.
absl::StatusOr<std::vector<std::string>> ParsePodCidrs(absl::string_view text);

// What the kubelet has told. It tells again when it starts or the ranges change, but not when crispd starts: so they
// are kept in a file that is gone after a reboot. Thread-safe.
class PodCidrs {
 public:
  // Reads `file`, if it exists. Empty: nothing is kept. What cannot be read is a warning, and unknown.
  explicit PodCidrs(std::string file);

  // A file that cannot be written is a warning.
  void Set(const std::vector<std::string>& cidrs);
  // Empty: unknown.
  std::vector<std::string> Get() const;

 private:
  const std::string file_;
  mutable Mutex mutex_;
  std::vector<std::string> cidrs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
