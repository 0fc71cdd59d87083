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

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;
using Things = std::multiset<std::string>;

bool StartsWith(const std::string& text, const std::string& prefix) {
  return text.rfind(prefix, 0) == 0;
}

bool IsNumber(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

std::string CommandLine(const std::string& pid) {
  std::string line = ReadFile("/proc/" + pid + "/cmdline");
  std::replace(line.begin(), line.end(), '\0', ' ');
  if (line.empty()) {  // a zombie, that nobody has waited for, or a thread of the kernel
    const std::string stat = ReadFile("/proc/" + pid + "/stat");
    const size_t end = stat.rfind(')');
    if (end == std::string::npos || stat.compare(end, 3, ") Z") != 0) return "";
    line = "zombie " + stat.substr(0, end + 1).substr(stat.find('('));
  }
  return line;
}

std::map<std::string, std::string> Processes(const std::vector<pid_t>& except) {
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename();
    if (!IsNumber(pid) || pid == "1" || pid == std::to_string(getpid())) continue;
    if (std::any_of(except.begin(), except.end(), [&](pid_t p) { return std::to_string(p) == pid; })) continue;
    const std::string line = CommandLine(pid);
    if (!line.empty()) found[pid] = line;
  }
  return found;
}

Things ProcessNames(const SnapshotScope& scope) {
  Things things;
  for (const auto& [pid, line] : Processes(scope.daemons)) things.insert(line);
  return things;
}

// Mount points with the type of what is there, as `pid` sees them.
Things MountsOf(const std::string& pid) {
  Things things;
  for (const std::string& line : Lines(ReadFile("/proc/" + pid + "/mountinfo"))) {
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
  Things things = MountsOf("self");
  for (const std::string& mount : MountsOf(std::to_string(scope.daemons.front()))) {
    if (things.count(mount) == 0) things.insert("(in crispd's own namespace) " + mount);
  }
  return things;
}

Things FilesIn(const std::string& directory) {
  Things things;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) things.insert(entry.path());
  return things;
}

// The bridge outlives its last pod by the plugin's design.
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

// The chains that portmap and the bridge's masquerading make once for all pods, and the jumps into them, stay.
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

// Layers are counted and not named: their names are numbers that grow. The database is not looked into. The OCI
// runtime's own root, one for each handler, stays.
Things FilesBelow(const std::string& directory) {
  Things things;
  std::error_code error;
  const fs::path layers = fs::path(directory) / "layers";
  const fs::path runtimes = fs::path(directory) / "oci";
  for (fs::recursive_directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (it->path() == runtimes || it->path().parent_path() == runtimes) continue;
    if (it->path().parent_path() == layers) {
      it.disable_recursion_pending();
      things.insert("a layer");
    } else if (!StartsWith(it->path().filename(), "crisp.db")) {
      std::error_code gone;
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

std::string WithoutNumber(std::string target) {
  for (const char* kind : {"socket:[", "pipe:["}) {
    if (StartsWith(target, kind)) return kind;
  }
  return target;
}

Things Descriptors(pid_t pid) {
  Things things;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd", error)) {
    const fs::path target = fs::read_symlink(entry.path(), error);
    if (!error) things.insert(WithoutNumber(target));
  }
  return things;
}

void Compare(const std::string& kind, const Things& before, const Things& after, std::ostringstream& out) {
  std::vector<std::string> left, lost;
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(left));
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(lost));
  for (const std::string& thing : left) out << "  left: " << kind << ": " << thing << "\n";
  if (kind == "fd of crispd") lost.clear();  // a connection that was idle has been closed
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
  seen["fd of crispd"] = Descriptors(scope.daemons.front());
  return snapshot;
}

std::string Difference(const Snapshot& before, const Snapshot& after) {
  std::ostringstream out;
  for (const auto& [kind, things] : before.seen) Compare(kind, things, after.seen.at(kind), out);
  return out.str();
}

std::vector<std::string> ProcessList(const std::vector<pid_t>& except) {
  std::vector<std::string> list;
  for (const auto& [pid, line] : Processes(except)) list.push_back(pid + " " + line);
  return list;
}

}  // namespace crisp::e2e
