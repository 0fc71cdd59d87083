// StartThread: a std::thread, with a status where that one throws. A node can be out of threads at any moment (pids
// cgroup, memory), and what then cannot be begun is an error of one call, not the end of the daemon.
#pragma once

#include <system_error>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace crisp {

// ResourceExhausted naming `what` if no thread can be started; `work` has not run then. The caller joins or detaches
// the thread.
template <typename Work>
absl::StatusOr<std::thread> StartThread(absl::string_view what, Work work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(absl::StrCat("start a thread for ", what, ": ", error.what()));
  }
}

}  // namespace crisp
