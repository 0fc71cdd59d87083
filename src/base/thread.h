// StartThread: a std::thread, with a status where that one throws. A node can be out of threads at any moment (pids
// cgroup, memory), and what then cannot be begun is an error of one call, not the end of the daemon.
#pragma once

#include <pthread.h>

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/alternate_stack.h"

namespace crisp {

// The name of the calling thread in ps(1), in gdb and in the log of a crash: the first 15 bytes of `name`, which is all
// that the kernel keeps (prctl(2), PR_SET_NAME).
inline void NameThisThread(absl::string_view name) {
  pthread_setname_np(pthread_self(), std::string(name.substr(0, 15)).c_str());
}

// ResourceExhausted naming `what` if no thread can be started; `work` has not run then. The caller joins or detaches
// the thread, whose name is the beginning of `what`.
template <typename Work>
absl::StatusOr<std::thread> StartThread(absl::string_view what, Work work) {
  try {
    return std::thread([name = std::string(what.substr(0, 15)), work = std::move(work)]() mutable {
      NameThisThread(name);
      const AlternateStack stack;
      // Gone before the thread is: whoever waits for the work may wait for what it holds.
      Work mine = std::move(work);
      mine();
    });
  } catch (const std::system_error& error) {
    return absl::ResourceExhaustedError(absl::StrCat("start a thread for ", what, ": ", error.what()));
  }
}

}  // namespace crisp
