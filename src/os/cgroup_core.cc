#include "os/cgroup_core.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "os/dir_stream.h"
#include "os/fd.h"
#include "os/pidfd.h"

namespace crisp::cgroup {
namespace {

constexpr const char* kMount = "/sys/fs/cgroup";
constexpr int kMaxDepth = 128;      // below a container's cgroup, where it may have nested others
constexpr size_t kHeldAtOnce = 64;  // pidfds that are open at once

bool IsV2(const std::string& path) {
  struct statfs info {};
  return statfs(path.c_str(), &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC;
}

bool IsDirectory(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// The content of a small file of /proc or cgroupfs; empty if it cannot be read.
std::string ReadSmall(int dir, const char* name) {
  std::string text;
  Fd file(openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) return text;
  char buffer[2048];
  for (ssize_t n; (n = read(file.get(), buffer, sizeof(buffer))) > 0;) text.append(buffer, static_cast<size_t>(n));
  return text;
}

int WriteSmall(int dir, const char* name, std::string_view text) {
  Fd file(openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) return errno;
  return write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : errno;
}

std::string BelowMount(std::string_view name) {
  std::string path(kMount);
  path += '/';
  return path.append(name);
}

std::string MountOf(std::string_view controllers) {
  if (controllers.empty()) return IsV2(kMount) ? kMount : BelowMount("unified");
  std::string_view name = controllers;
  if (name.substr(0, 5) == "name=") name.remove_prefix(5);
  std::string mount = BelowMount(name);
  if (IsDirectory(mount)) return mount;
  return BelowMount(name.substr(0, name.find(',')));
}

struct Membership {
  std::string controllers;
  std::string path;
};

// The lines of /proc/PID/cgroup, "<number>:<controllers>:<path>".
std::vector<Membership> MembershipsOf(const std::string& proc_file) {
  std::vector<Membership> found;
  const std::string text = ReadSmall(AT_FDCWD, proc_file.c_str());
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    found.push_back({std::string(line.substr(first + 1, second - first - 1)), std::string(line.substr(second + 1))});
  }
  return found;
}

bool IsSafeAbsolute(std::string_view path) {
  if (path.size() < 2 || path[0] != '/' || path.find('\0') != std::string_view::npos) return false;
  const std::string framed = std::string(path) + "/";
  return framed.find("/../") == std::string::npos && framed.find("/./") == std::string::npos &&
         framed.find("//") == std::string::npos;
}

void ParsePids(std::string_view text, std::vector<pid_t>* pids) {
  while (!text.empty()) {
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error != std::errc()) return;
    if (pid > 0) pids->push_back(pid);  // 0: a process outside this pid namespace
    text.remove_prefix(std::min(text.size(), static_cast<size_t>(end - text.data()) + 1));
  }
}

// Calls `visit(fd)` for the directory and those below it, deepest first.
template <typename Visit>
void Walk(Fd dir, int depth, const Visit& visit) {
  if (!dir.valid() || depth > kMaxDepth) return;
  DirStream stream(std::move(dir));
  while (const dirent* entry = stream.Next()) {
    if (entry->d_type != DT_DIR) continue;
    Walk(Fd(openat(stream.fd(), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)), depth + 1, visit);
  }
  if (stream.fd() >= 0) visit(stream.fd());
}

Fd OpenDir(const std::string& path) {
  return Fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

struct Held {
  pid_t pid;
  Pidfd pidfd;
};

// Sends `signal` to the processes of `dirs` in batches, and returns the last batch. The processes are listed, opened
// and listed again: a pid that is still listed after its pidfd was opened has not been reused before.
std::vector<Held> SignalEach(const Dirs& dirs, int signal) {
  std::vector<Held> held;
  const std::vector<pid_t> pids = Processes(dirs);
  for (auto next = pids.begin(); next != pids.end();) {
    held.clear();
    for (; next != pids.end() && held.size() < kHeldAtOnce; ++next) {
      Pidfd pidfd = Pidfd::Open(*next);
      if (pidfd.valid()) held.push_back({*next, std::move(pidfd)});
    }
    const std::vector<pid_t> again = Processes(dirs);
    std::erase_if(held, [&](const Held& one) { return !std::binary_search(again.begin(), again.end(), one.pid); });
    for (const Held& one : held) one.pidfd.Signal(signal);
  }
  return held;
}

void SetFreezer(const Dirs& dirs, std::string_view state) {
  for (const Dir& dir : dirs) {
    if (!dir.Has("freezer")) continue;
    auto set = [&](int fd) { WriteSmall(fd, "freezer.state", state); };
    Walk(OpenDir(dir.path), 0, set);
  }
}

// Walk visits descriptors, but rmdir needs names: each directory removes its children.
void RemoveChildren(int dir) {
  DirStream stream(Fd(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  while (const dirent* entry = stream.Next()) {
    if (entry->d_type == DT_DIR) unlinkat(dir, entry->d_name, AT_REMOVEDIR);
  }
}

int RemoveOne(const std::string& path) {
  if (rmdir(path.c_str()) == 0 || errno == ENOENT) return 0;
  Walk(OpenDir(path), 0, RemoveChildren);
  return rmdir(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

}  // namespace

bool Dir::Has(std::string_view controller) const {
  for (std::string_view rest = controllers; !rest.empty();) {
    const std::string_view name = rest.substr(0, rest.find(','));
    if (name == controller) return true;
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
  }
  return false;
}

Dirs OfProcess(pid_t pid) {
  Dirs dirs;
  for (const Membership& one : MembershipsOf("/proc/" + std::to_string(pid) + "/cgroup")) {
    if (!IsSafeAbsolute(one.path)) continue;
    dirs.push_back({MountOf(one.controllers) + one.path, one.controllers, one.controllers.empty()});
  }
  return dirs;
}

std::string SystemdScopePath(std::string_view cgroups_path) {
  const size_t first = cgroups_path.find(':');
  const size_t second = cgroups_path.find(':', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return {};
  std::string_view slice = cgroups_path.substr(0, first);
  while (!slice.empty() && slice[0] == '/') slice.remove_prefix(1);
  if (slice.empty()) slice = "system.slice";
  const size_t suffix = slice.rfind(".slice");
  if (suffix == std::string_view::npos || suffix + 6 != slice.size()) return {};

  std::string path;
  const std::string_view stem = slice.substr(0, suffix);
  if (stem != "-") {
    for (size_t dash = stem.find('-'); dash != std::string_view::npos; dash = stem.find('-', dash + 1)) {
      path += "/" + std::string(stem.substr(0, dash)) + ".slice";
    }
    path += "/" + std::string(slice);
  }
  path += "/" + std::string(cgroups_path.substr(first + 1, second - first - 1)) + "-";
  return path + std::string(cgroups_path.substr(second + 1)) + ".scope";
}

Dirs OfCgroupsPath(std::string_view cgroups_path, bool systemd) {
  const std::string path = systemd ? SystemdScopePath(cgroups_path) : std::string(cgroups_path);
  Dirs dirs;
  if (!IsSafeAbsolute(path)) return dirs;
  for (const Membership& one : MembershipsOf("/proc/self/cgroup")) {
    dirs.push_back({MountOf(one.controllers) + path, one.controllers, one.controllers.empty()});
  }
  return dirs;
}

Dirs Inside(const Dirs& actual, const Dirs& expected) {
  Dirs inside;
  for (const Dir& dir : actual) {
    for (const Dir& root : expected) {
      const std::string_view path = dir.path;
      if (path == root.path || path.substr(0, root.path.size() + 1) == root.path + "/") inside.push_back(dir);
    }
  }
  return inside;
}

std::vector<pid_t> Processes(const Dirs& dirs) {
  std::vector<pid_t> pids;
  auto collect = [&](int fd) { ParsePids(ReadSmall(fd, "cgroup.procs"), &pids); };
  for (const Dir& dir : dirs) Walk(OpenDir(dir.path), 0, collect);
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

void Signal(const Dirs& dirs, int signal) {
  SignalEach(dirs, signal);
}

// v2 kills a whole subtree at once, also while it forks (cgroup.kill, Linux 5.14). On v1 the freezer stops the
// processes first: one that forks and exits all the time would otherwise be gone before it is signalled, and its child
// be missed.
std::vector<Pidfd> KillOnce(const Dirs& dirs) {
  for (const Dir& dir : dirs) {
    if (dir.v2) WriteSmall(OpenDir(dir.path).get(), "cgroup.kill", "1");
  }
  SetFreezer(dirs, "FROZEN");
  std::vector<Pidfd> dying;
  for (Held& one : SignalEach(dirs, SIGKILL)) dying.push_back(std::move(one.pidfd));
  SetFreezer(dirs, "THAWED");
  return dying;
}

int Remove(const Dirs& dirs) {
  int error = 0;
  for (const Dir& dir : dirs) {
    const int failed = RemoveOne(dir.path);
    if (error == 0 || error == EBUSY) error = failed != 0 ? failed : error;
  }
  return error;
}

int MoveUp(const std::string& dir) {
  const std::string parent = dir.substr(0, dir.rfind('/'));
  Fd to(open((parent + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  if (!to.valid()) return errno;
  for (const pid_t pid : Processes({{dir, "", false}})) {
    const std::string text = std::to_string(pid);
    if (write(to.get(), text.data(), text.size()) < 0 && errno != ESRCH) return errno;
  }
  return 0;
}

}  // namespace crisp::cgroup
