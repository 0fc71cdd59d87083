#include "doctor/all_checks.h"

#include "doctor/certificate_check.h"
#include "doctor/cgroup_check.h"
#include "doctor/clock_check.h"
#include "doctor/cni_check.h"
#include "doctor/config_check.h"
#include "doctor/containerd_check.h"
#include "doctor/daemon_check.h"
#include "doctor/database_check.h"
#include "doctor/disk_check.h"
#include "doctor/image_check.h"
#include "doctor/kernel_check.h"
#include "doctor/kubelet_check.h"
#include "doctor/registry_check.h"
#include "doctor/runtime_check.h"
#include "doctor/sysctl_check.h"
#include "doctor/unit_check.h"

namespace crisp {

std::vector<Check> AllChecks() {
  using std::chrono::seconds;
  return {
      {"config", "Configuration", seconds(5), &CheckConfig},
      {"daemon", "Running daemon", seconds(10), &CheckDaemon},
      {"unit", "Systemd unit", seconds(10), &CheckUnit},
      {"kernel", "Kernel", seconds(10), &CheckKernel},
      {"sysctl", "Sysctls", seconds(5), &CheckSysctls},
      {"cgroup", "Cgroups", seconds(10), &CheckCgroups},
      {"kubelet", "Kubelet", seconds(10), &CheckKubelet},
      {"containerd", "Other runtimes", seconds(10), &CheckContainerd},
      {"runtime", "OCI runtimes and shim", seconds(10), &CheckRuntimes},
      {"cni", "Pod network", seconds(15), &CheckCni},
      {"image", "Pause image", seconds(20), &CheckImage},
      {"registry", "Registries", seconds(20), &CheckRegistries},
      {"certificate", "Certificates", seconds(5), &CheckCertificates},
      {"disk", "Disk", seconds(10), &CheckDisk},
      {"database", "Database", seconds(20), &CheckDatabase},
      {"clock", "Clock", seconds(5), &CheckClock},
  };
}

}  // namespace crisp
