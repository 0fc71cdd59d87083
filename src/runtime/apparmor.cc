#include "runtime/apparmor.h"

#include <fcntl.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/substitute.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "os/process.h"

namespace crisp {
namespace {

constexpr const char* kEnabled = "/sys/module/apparmor/parameters/enabled";
constexpr const char* kLoaded = "/sys/kernel/security/apparmor/profiles";
constexpr size_t kMaxList = 16 << 20;

// What a container may not do whatever its user and capabilities: write to the node's part of /proc and /sys, mount.
// Files, network and capabilities as such are judged by others (namespaces, the bounding set), and are allowed here.
// No include, so that the text needs no other file. $0 is the profile's name.
constexpr char kText[] = R"(profile $0 flags=(attach_disconnected,mediate_deleted) {
  capability,
  file,
  network,
  umount,

  # Processes of the node may end and look at those in here; in here they may do so among themselves.
  signal (receive) peer=unconfined,
  signal (receive) peer=runc,
  signal (receive) peer=crun,
  signal (send, receive) peer=$0,
  ptrace (read, readby, trace, tracedby) peer=$0,

  deny mount,

  # Of /proc a container may write its processes' own files, and the sysctls that belong to its namespaces: net.*,
  # fs.mqueue.*, kernel.msg*, kernel.sem, kernel.shm*.
  deny /proc/* w,
  deny /proc/{acpi,asound,bus,driver,dynamic_debug,fs,irq,mpt,pressure,scsi,sysvipc,tty}/** w,
  deny /proc/sys/[^fkn]** w,
  deny /proc/sys/fs/[^m]** w,
  deny /proc/sys/kernel/[^ms]** w,
  deny /proc/sys/kernel/m[^s]** w,
  deny /proc/sys/kernel/s[^eh]** w,
  deny /proc/sys/kernel/seccomp/** w,
  deny /proc/sysrq-trigger rwklx,
  deny /proc/kcore rwklx,
  deny /proc/kmem rwklx,
  deny /proc/mem rwklx,

  # Of /sys only the cgroups, where they are mounted writable.
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/fs/c[^g]*/** wklx,
  deny /sys/fs/cg[^r]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
)";

absl::StatusOr<std::string> FindParser() {
  for (const char* path : {"/usr/sbin/apparmor_parser", "/sbin/apparmor_parser", "/usr/bin/apparmor_parser"}) {
    if (access(path, X_OK) == 0) return std::string(path);
  }
  return absl::FailedPreconditionError(
      "no program apparmor_parser on this node, which loads AppArmor profiles; install the package apparmor, or set "
      "disable_apparmor");
}

}  // namespace

std::string DefaultApparmorText() {
  return absl::Substitute(kText, kDefaultApparmorProfile);
}

bool HostHasApparmor() {
  const absl::StatusOr<std::string> enabled = ReadFileAt(AT_FDCWD, kEnabled, 16);
  return enabled.ok() && absl::StartsWith(*enabled, "Y");
}

bool ListsProfile(absl::string_view profiles, absl::string_view name) {
  for (const absl::string_view line : absl::StrSplit(profiles, '\n')) {
    const size_t mode = line.rfind(" (");
    if (mode != absl::string_view::npos && line.substr(0, mode) == name) return true;
  }
  return false;
}

absl::StatusOr<bool> IsApparmorProfileLoaded(const std::string& name) {
  ASSIGN_OR_RETURN(const std::string profiles, ReadFileAt(AT_FDCWD, kLoaded, kMaxList), "list AppArmor profiles");
  return ListsProfile(profiles, name);
}

absl::Status LoadDefaultApparmorProfile(const CallContext& call) {
  Command command;
  ASSIGN_OR_RETURN(command.path, FindParser());
  // Replace it if it is there; no cache, since it is read from stdin.
  command.args = {"--replace", "--skip-cache"};
  command.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  command.input = DefaultApparmorText();
  ASSIGN_OR_RETURN(const CommandResult result, RunCommand(command, call), "load AppArmor profile ",
                   kDefaultApparmorProfile);
  if (result.ok()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("load AppArmor profile ", kDefaultApparmorProfile, ": ", command.path, ": ", result.Describe()));
}

}  // namespace crisp
