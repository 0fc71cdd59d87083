// ConfDir: the CNI configurations of one directory, read again whenever it may have changed.
//
// Threading: thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "network/cni_config.h"
#include "network/cni_options.h"
#include "os/dir_watch.h"

namespace crisp {

class ConfDir {
 public:
  explicit ConfDir(CniConfDirOptions options) : options_(std::move(options)), watch_(options_.path) {}

  const CniConfDirOptions& options() const { return options_; }

  // As they are now, perhaps none. A change is logged.
  CniConfigs Current();
  // The same; FailedPrecondition if there are none, which says why and what to do.
  absl::StatusOr<CniConfigs> CurrentOrError();

 private:
  const CniConfDirOptions options_;

  Mutex mutex_;
  DirWatch watch_ ABSL_GUARDED_BY(mutex_);
  CniConfigs configs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
