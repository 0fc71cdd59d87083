#include "e2e/machine.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "base/testing/wait.h"
#include "os/fd.h"

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "crisp-e2e-";

[[noreturn]] void Die(const std::string& step) {
  const std::string text = "e2e: cannot make the test's machine: " + step + ": " + std::strerror(errno) + "\n";
  (void)!write(STDERR_FILENO, text.data(), text.size());
  _exit(99);
}

void Require(bool ok, const std::string& step) {
  if (!ok) Die(step);
}

std::string TempRoot() {
  const char* dir = std::getenv("TMPDIR");
  return dir != nullptr && *dir != '\0' ? dir : "/tmp";
}

// A machine's directory is locked (flock) as long as the machine lives. One that is not locked was left by a test that
// was killed, and is swept away. The gate, another lock, is held from before a directory is made until it is locked.
class Directory {
 public:
  Directory() {
    const Fd gate(open((TempRoot() + "/." + kPrefix + "gate").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    Require(gate.valid() && flock(gate.get(), LOCK_EX) == 0, "lock the gate in " + TempRoot());
    SweepLeftOvers();
    path_ = TempRoot() + "/" + kPrefix + "XXXXXX";
    Require(mkdtemp(path_.data()) != nullptr, "mkdtemp " + path_);
    Require(chmod(path_.c_str(), 0755) == 0, "chmod " + path_);
    lock_ = Fd(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Require(flock(lock_.get(), LOCK_EX | LOCK_NB) == 0, "lock " + path_);
  }
  ~Directory() { Remove(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  const std::string& path() const { return path_; }
  // A slice's name holds its ancestors', systemd.slice(5).
  static std::string CgroupParent(const std::string& path) {
    const std::string name = fs::path(path).filename();
    return WithSystemd() ? "/crisp.slice/crisp-e2e.slice/" + name + ".slice" : "/" + name;
  }

 private:
  static void Remove(const std::string& path) {
    RemoveCgroups(CgroupParent(path));
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }

  static void SweepLeftOvers() {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(TempRoot(), error)) {
      if (entry.path().filename().string().rfind(kPrefix, 0) != 0) continue;
      const Fd dir(open(entry.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (dir.valid() && flock(dir.get(), LOCK_EX | LOCK_NB) == 0) Remove(entry.path());
    }
  }

  std::string path_;
  Fd lock_;
};

void BringUpLoopback() {
  const Fd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  Require(ioctl(socket_fd.get(), SIOCSIFFLAGS, &request) == 0, "bring up lo");
}

void MountTmpfsOn(const char* target) {
  fs::create_directories(target);
  Require(mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") == 0, std::string("mount on ") + target);
}

// In a container, the temporary directory may be on an overlayfs, which takes no upper directory of another overlayfs.
void MakeFitForOverlay(const std::string& directory) {
  struct statfs info {};
  Require(statfs(directory.c_str(), &info) == 0, "statfs " + directory);
  if (static_cast<unsigned long>(info.f_type) == OVERLAYFS_SUPER_MAGIC) MountTmpfsOn(directory.c_str());
}

void FurnishMachine(const std::string& directory) {
  Require(unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0, "unshare");
  Require(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make / private");
  MakeFitForOverlay(directory);
  if (!WithSystemd()) {
    Require(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0, "mount /proc");
    MountTmpfsOn("/run");
  }
  MountTmpfsOn("/var/lib/cni");
  BringUpLoopback();
}

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Kills every child of this process until there is none: their orphans become its children. Without a PID namespace
// this does what the end of one does.
void KillOrphans() {
  const std::string children = "/proc/self/task/" + std::to_string(getpid()) + "/children";
  for (;;) {
    std::ifstream list(children);
    for (pid_t pid = 0; list >> pid;) kill(pid, SIGKILL);
    if (waitpid(-1, nullptr, 0) < 0 && errno == ECHILD) return;
  }
}

// Process 1 of the machine: furnishes it, runs `body` in a child and reaps all orphans until that child has ended.
[[noreturn]] void Init(const Machine& machine, const std::function<int(const Machine&)>& body) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  FurnishMachine(machine.directory);
  const pid_t test = fork();
  Require(test >= 0, "fork");
  if (test == 0) std::exit(body(machine));
  for (;;) {
    int status = 0;
    const pid_t gone = waitpid(-1, &status, 0);
    if (gone != test) continue;
    if (WithSystemd()) KillOrphans();
    _exit(ExitCode(status));
  }
}

// True once `top` is not there.
bool TryToRemoveCgroups(const std::string& top) {
  std::error_code error;
  std::vector<std::string> found{top};  // parents before their children
  for (fs::recursive_directory_iterator it(top, error), end; !error && it != end; it.increment(error)) {
    if (it->is_directory(error)) found.push_back(it->path());
  }
  for (auto it = found.rbegin(); it != found.rend(); ++it) rmdir(it->c_str());
  return !fs::exists(top, error);
}

}  // namespace

bool WithSystemd() {
  const char* wanted = std::getenv("CRISP_E2E_SYSTEMD");
  return wanted != nullptr && std::strcmp(wanted, "1") == 0;
}

std::string MachineMissing() {
  if (geteuid() != 0) return "needs root: it makes namespaces, mounts and cgroups";
  for (const char* tool :
       {"/usr/sbin/runc", "/usr/bin/docker-registry", "/usr/bin/skopeo", "/usr/lib/cni/bridge",
        "/usr/lib/cni/host-local", "/usr/lib/cni/portmap", "/bin/busybox", "/usr/sbin/iptables-save"}) {
    if (access(tool, X_OK) != 0) return std::string("needs ") + tool;
  }
  return "";
}

int RunInMachine(const std::function<int(const Machine&)>& body) {
  const Directory directory;
  const Machine machine{directory.path(), Directory::CgroupParent(directory.path())};
  if (!WithSystemd()) Require(unshare(CLONE_NEWPID) == 0, "unshare the PID namespace");
  const pid_t init = fork();
  Require(init >= 0, "fork");
  if (init == 0) Init(machine, body);
  int status = 0;
  while (waitpid(init, &status, 0) < 0 && errno == EINTR) {
  }
  return ExitCode(status);
}

std::vector<std::string> CgroupHierarchies() {
  std::vector<std::string> found;
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields(line);
    std::string device, target, type;
    fields >> device >> target >> type;
    if (type == "cgroup" || type == "cgroup2") found.push_back(target);
  }
  return found;
}

void RemoveCgroups(const std::string& parent) {
  for (const std::string& hierarchy : CgroupHierarchies()) {
    // A process that was killed leaves its cgroup a moment later.
    Eventually([&] { return TryToRemoveCgroups(hierarchy + parent); }, std::chrono::seconds(2));
  }
}

}  // namespace crisp::e2e
