// ExecCgroups: the cgroups of one container's execs, each below the container's own, so that a kill finds all that an
// exec has started.
//
// They are used again by later execs and stay until the container's cgroup is removed. A kubelet's cAdvisor takes each
// new cgroup directory for a container and measures it: fifty probes a second would keep it busy with that alone. It
// passes over directories whose name ends in ".mount", which are systemd's mount units elsewhere.
//
// Ownership: shared by the container and its execs, which may outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/cgroup_core.h"
#include "shim/loop.h"
#include "shim/state.h"

namespace crisp::shim {

class ExecCgroups : public std::enable_shared_from_this<ExecCgroups> {
 public:
  // `container` as Container::cgroups.
  ExecCgroups(Loop& loop, cgroup::Dirs container) : loop_(loop), container_(std::move(container)) {}

  // One without processes. Nothing, which is logged, if there is none: a full hierarchy, or controllers that the
  // container itself enabled below its cgroup.
  std::optional<cgroup::Dir> Take();

  // Gives it back. Processes that are left move up to the container's cgroup. Where they cannot the directory is not
  // used again.
  void Give(cgroup::Dir dir);

  // For an upgrade.
  ExecCgroupsState Save() const;
  void Restore(const ExecCgroupsState& state);

 private:
  void Empty(cgroup::Dir dir, int64_t pause);

  Loop& loop_;
  const cgroup::Dirs container_;
  std::vector<cgroup::Dir> idle_;
  std::vector<cgroup::Dir> emptying_;  // their processes are being moved
  uint64_t made_ = 0;
};

}  // namespace crisp::shim
