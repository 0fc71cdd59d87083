#include "runtime/pause_seccomp.h"

#include <cerrno>
#include <nlohmann/json.hpp>

namespace crisp {

// A list of what is refused and not of what is allowed, since the sandbox image is the operator's choice, and may be a
// shell script as well as the usual static program. Names that the runtime's libseccomp does not know, it passes over.
nlohmann::json PauseSeccomp() {
  nlohmann::json refused = {"acct",
                            "add_key",
                            "bpf",
                            "clock_adjtime",
                            "clock_settime",
                            "create_module",
                            "delete_module",
                            "finit_module",
                            "fsconfig",
                            "fsmount",
                            "fsopen",
                            "fspick",
                            "get_kernel_syms",
                            "get_mempolicy",
                            "init_module",
                            "io_uring_enter",
                            "io_uring_register",
                            "io_uring_setup",
                            "ioperm",
                            "iopl",
                            "kcmp",
                            "kexec_file_load",
                            "kexec_load",
                            "keyctl",
                            "lookup_dcookie",
                            "mbind",
                            "mount",
                            "mount_setattr",
                            "move_mount",
                            "move_pages",
                            "nfsservctl",
                            "open_by_handle_at",
                            "open_tree",
                            "perf_event_open",
                            "pidfd_getfd",
                            "pivot_root",
                            "process_vm_readv",
                            "process_vm_writev",
                            "ptrace",
                            "query_module",
                            "quotactl",
                            "reboot",
                            "request_key",
                            "set_mempolicy",
                            "setns",
                            "settimeofday",
                            "stime",
                            "swapoff",
                            "swapon",
                            "sysfs",
                            "umount",
                            "umount2",
                            "unshare",
                            "uselib",
                            "userfaultfd",
                            "ustat",
                            "vm86",
                            "vm86old"};
  nlohmann::json rule = {{"names", std::move(refused)}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", EPERM}};
  return {{"defaultAction", "SCMP_ACT_ALLOW"}, {"syscalls", nlohmann::json::array({std::move(rule)})}};
}

}  // namespace crisp
