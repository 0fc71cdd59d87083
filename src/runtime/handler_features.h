// HandlerFeatures: the features and options of a runtime handler. The same for all its pods; a plain value.
#pragma once

#include <string>
#include <vector>

#include "runtime/base_spec.h"
#include "runtime/runtime_features.h"

namespace crisp {

struct HandlerFeatures {
  RuntimeFeatures runtime;      // as the OCI runtime reports them, narrowed by what the kernel can do
  bool systemd_cgroup = false;  // cgroups are made by systemd (option SystemdCgroup)
  // A container that is not privileged may write to its cgroup, given a cgroup namespace of its own (cgroup v2).
  bool cgroup_writable = false;
  // Which annotations of a container, and of its pod, the runtime gets besides crisp's own: names as in fnmatch(3),
  // where "*" does not match "/".
  std::vector<std::string> container_annotations;
  std::vector<std::string> pod_annotations;
  BaseSpec base;
};

}  // namespace crisp
