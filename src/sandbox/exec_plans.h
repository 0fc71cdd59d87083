// ExecPlans: how commands are run in containers: by their shims alone, from a plan (runtime/exec_plan.h), or by the OCI
// runtime.
//
// What all execs of a container have in common is worked out at the first one and kept for as long as the container's
// config.json is the same file, for a limited number of containers.
//
// Threading: all methods from any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "runtime/exec_plan.h"
#include "sandbox/pod_table.h"
#include "sandbox/setup.h"
#include "store/layout.h"

namespace crisp {

class ExecPlans {
 public:
  // `setup` must outlive the object.
  ExecPlans(Layout layout, const SetupSource* setup) : layout_(std::move(layout)), setup_(setup) {}

  // The plan of a command. InvalidArgument for the command. Unimplemented, with the reason, if the OCI runtime is to
  // run it: always where that is not runc, whose ways the plans follow.
  absl::StatusOr<std::string> For(const PodContainer& found, const std::vector<std::string>& command,
                                  bool terminal) const;

 private:
  using Base = absl::StatusOr<std::shared_ptr<const ExecPlanBase>>;

  // Tells whether a file was replaced or written.
  struct FileMark {
    ino_t inode = 0;
    off_t size = 0;
    int64_t seconds = 0;
    int64_t nanos = 0;
    bool operator==(const FileMark&) const = default;
  };
  struct Known {
    std::string container_id;
    FileMark mark;
    Base base;
  };

  Base BaseOf(const PodContainer& found) const;
  Base Make(const PodContainer& found) const;
  static absl::StatusOr<FileMark> MarkOf(const std::string& path);

  const Layout layout_;
  const SetupSource* const setup_;
  mutable Mutex mutex_;
  mutable std::list<Known> known_ ABSL_GUARDED_BY(mutex_);  // the last used first
};

}  // namespace crisp
