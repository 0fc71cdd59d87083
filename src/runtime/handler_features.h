// HandlerFeatures: what the runtime handler of a pod can do and is configured to do. The same for every pod of that
// handler; a plain value.
#pragma once

#include "runtime/runtime_features.h"

namespace crisp {

struct HandlerFeatures {
  RuntimeFeatures runtime;      // as the OCI runtime reports them, narrowed by what the kernel can do
  bool systemd_cgroup = false;  // cgroups are made by systemd (option SystemdCgroup)
  // A container that is not privileged may write to its cgroup, given a cgroup namespace of its own (cgroup v2).
  bool cgroup_writable = false;
};

}  // namespace crisp
