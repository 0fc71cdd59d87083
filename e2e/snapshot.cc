#include "e2e/snapshot.h"

#include <net/if.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "e2e/files.h"
#include "e2e/machine.h"
#include "e2e/processes.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;
using Things = std::multiset<std::string>;

constexpr char kDescriptors[] = "descriptor of the daemon";

bool StartsWith(const std::string& text, const std::string& prefix) {
  return text.rfind(prefix, 0) == 0;
}

Things ProcessNames(const SnapshotScope& scope) {
  Things things;
  for (const auto& [pid, line] : CommandLines({scope.daemon})) things.insert(line);
  return things;
}

// "type on mount point" of all mounts that the process sees.
Things MountsOf(pid_t pid) {
  Things things;
  for (const std::string& line : Lines(ReadFile(ProcPath(pid, "mountinfo")))) {
    std::istringstream fields(line);
    std::string id, parent, device, root, target, rest, type;
    fields >> id >> parent >> device >> root >> target;
    while (fields >> rest && rest != "-") {
    }
    fields >> type;
    things.insert(type + " on " + target);
  }
  return things;
}

Things Mounts(const SnapshotScope& scope) {
  Things things = MountsOf(getpid());
  for (const std::string& mount : MountsOf(scope.daemon)) {
    if (things.count(mount) == 0) things.insert("(in the daemon's own namespace) " + mount);
  }
  return things;
}

Things FilesIn(const std::string& directory) {
  Things things;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) things.insert(entry.path());
  return things;
}

// The plugin bridge leaves its bridge, cni0, for the pods to come.
Things Links() {
  Things things;
  struct if_nameindex* names = if_nameindex();
  for (struct if_nameindex* it = names; it != nullptr && it->if_index != 0; ++it) {
    if (std::string(it->if_name) != "cni0") things.insert(it->if_name);
  }
  if_freenameindex(names);
  return things;
}

Things Leases() {
  Things things;
  std::error_code error;
  for (fs::recursive_directory_iterator it("/var/lib/cni", error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename();
    if (it->is_directory() || name == "lock" || StartsWith(name, "last_reserved_ip")) continue;
    things.insert(it->path());
  }
  return things;
}

// The plugins portmap and bridge make some chains, and jumps into them, once for all pods and leave them.
bool MadeOnceForAllPods(const std::string& rule) {
  static const std::array<const char*, 9> kRules = {
      ":CNI-HOSTPORT-DNAT ",
      ":CNI-HOSTPORT-MASQ ",
      ":CNI-HOSTPORT-SETMARK ",
      "-A CNI-HOSTPORT-MASQ ",
      "-A CNI-HOSTPORT-SETMARK",
      ":CNI-ADMIN ",
      ":CNI-FORWARD ",
      "-A CNI-FORWARD -m comment --comment \"CNI firewall plugin admin",
      ":CNI-SN-",
  };
  if (std::any_of(kRules.begin(), kRules.end(), [&](const char* prefix) { return StartsWith(rule, prefix); }))
    return true;
  const bool built_in =
      StartsWith(rule, "-A PREROUTING") || StartsWith(rule, "-A OUTPUT") || StartsWith(rule, "-A POSTROUTING");
  return built_in && (rule.find("-j CNI-HOSTPORT-DNAT") != std::string::npos ||
                      rule.find("-j CNI-HOSTPORT-MASQ") != std::string::npos);
}

Things Rules() {
  Things things;
  for (const std::string& line : Lines(Run("/usr/sbin/iptables-save", {}))) {
    const bool rule = StartsWith(line, "-A") || (StartsWith(line, ":") && line.find(" - [") != std::string::npos);
    if (rule && !MadeOnceForAllPods(line)) things.insert(line.substr(0, line.find(" [")));
  }
  return things;
}

Things Cgroups(const std::string& parent) {
  Things things;
  for (const std::string& hierarchy : CgroupHierarchies()) {
    std::error_code error;
    for (fs::recursive_directory_iterator it(hierarchy + parent, error), end; !error && it != end;
         it.increment(error)) {
      std::error_code gone;
      if (it->is_directory(gone)) things.insert(it->path());
    }
  }
  return things;
}

// Layers are counted and not named: their names are numbers that grow. The database is left out: its size says nothing.
// So are the OCI runtimes' roots, one a handler, empty directories at the top, which crispd makes once, what it keeps
// of failures and crashes, and the node's ranges of pod addresses.
Things FilesBelow(const std::string& directory) {
  Things things;
  std::error_code error;
  const fs::path layers = fs::path(directory) / "layers";
  const fs::path runtimes = fs::path(directory) / "oci";
  const fs::path traces = fs::path(directory) / "traces";
  const fs::path pod_cidrs = fs::path(directory) / "pod-cidrs";
  for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (it->path() == runtimes || it->path().parent_path() == runtimes) continue;
    if (it->path().parent_path() == traces || it->path() == pod_cidrs) continue;
    if (it->path().parent_path() == layers) {
      it.disable_recursion_pending();
      things.insert("a layer");
    } else if (!StartsWith(it->path().filename(), "crisp.db")) {
      std::error_code gone;
      if (it->path() == traces) continue;
      if (it->is_directory(gone) && fs::is_empty(it->path(), gone) && it->path().parent_path() == directory) continue;
      things.insert(it->path());
    }
  }
  return things;
}

Things Sockets() {
  Things things;
  bool header = true;
  for (const std::string& line : Lines(ReadFile("/proc/net/unix"))) {
    const size_t path = line.find_first_of("/@");
    if (!header && path != std::string::npos && line.find(" 00010000 ") != std::string::npos)
      things.insert(line.substr(path));
    header = false;
  }
  return things;
}

// Without the inode number of a socket or pipe.
std::string KindOf(std::string target) {
  for (const char* kind : {"socket:[", "pipe:["}) {
    if (StartsWith(target, kind)) return kind;
  }
  return target;
}

Things Descriptors(pid_t pid) {
  Things things;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(ProcPath(pid, "fd"), error)) {
    const fs::path target = fs::read_symlink(entry.path(), error);
    if (!error) things.insert(KindOf(target));
  }
  return things;
}

void Compare(const std::string& kind, const Things& before, const Things& after, std::ostringstream& out) {
  std::vector<std::string> left, lost;
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(left));
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(lost));
  for (const std::string& thing : left) out << "  left: " << kind << ": " << thing << "\n";
  if (kind == kDescriptors) lost.clear();  // a connection that was idle has been closed
  for (const std::string& thing : lost) out << "  lost: " << kind << ": " << thing << "\n";
}

}  // namespace

Snapshot TakeSnapshot(const SnapshotScope& scope) {
  Snapshot snapshot;
  auto& seen = snapshot.seen;
  seen["process"] = ProcessNames(scope);
  seen["mount"] = Mounts(scope);
  seen["network namespace"] = FilesIn("/run/netns");
  seen["link"] = Links();
  seen["IPAM lease"] = Leases();
  seen["iptables rule"] = Rules();
  seen["cgroup"] = Cgroups(scope.cgroup_parent);
  seen["file"] = FilesBelow(scope.root);
  seen["file"].merge(FilesBelow(scope.state));
  seen["socket"] = Sockets();
  seen[kDescriptors] = Descriptors(scope.daemon);
  return snapshot;
}

std::string Difference(const Snapshot& before, const Snapshot& after) {
  std::ostringstream out;
  for (const auto& [kind, things] : before.seen) Compare(kind, things, after.seen.at(kind), out);
  return out.str();
}

}  // namespace crisp::e2e
