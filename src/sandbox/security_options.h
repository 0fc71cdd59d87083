// What the configuration says about the confinement of pods. Plain values; the keys of the file have the same names
// (config/keys.cc).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base_spec.h"

namespace crisp {

struct SecurityOptions {
  std::string unset_seccomp_profile;  // for who asks for none: "", "unconfined", "runtime/default", "localhost//path"
  bool disable_apparmor = false;
  bool enable_selinux = false;
  uint32_t selinux_category_range = 1024;
  bool enable_cdi = true;
  std::vector<std::string> cdi_spec_dirs = {"/etc/cdi", "/var/run/cdi"};
  bool disable_hugetlb_controller = true;
  bool tolerate_missing_hugetlb_controller = true;
  bool disable_proc_mount = false;
  bool ignore_image_defined_volumes = false;
  bool device_ownership_from_security_context = false;
  bool enable_unprivileged_ports = false;
  bool enable_unprivileged_icmp = false;
};

// Of one runtime handler.
struct HandlerOptions {
  bool privileged_without_host_devices = false;
  bool privileged_without_host_devices_all_devices_allowed = false;
  bool cgroup_writable = false;
  std::vector<std::string> container_annotations;  // which the runtime gets, as in HandlerFeatures
  std::vector<std::string> pod_annotations;
  BaseSpec base;         // of its specs
  std::string unusable;  // why no new pod can run on it; empty: pods can
  bool former = false;   // only for pods that it has: the configuration does not have it any more
};

}  // namespace crisp
