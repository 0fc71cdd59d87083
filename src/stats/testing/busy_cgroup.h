// BusyCgroup: the cgroups of a container, with a process in them that keeps one processor busy and holds memory. For
// tests of what the kernel counts. Needs root. Everything ends with the object.
#pragma once

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <vector>

#include "base/testing/wait.h"
#include "os/cgroup.h"
#include "os/file.h"

namespace crisp {

class BusyCgroup {
 public:
  // Returns when the process holds its memory. `cgroups_path` is one of the cgroupfs driver.
  BusyCgroup(const std::string& cgroups_path, int64_t memory) : dirs_(*ContainerCgroups(cgroups_path, false)) {
    // A process can join a cgroup of the cpuset controller only after that was configured; nothing is counted there.
    std::erase_if(dirs_, [](const cgroup::Dir& dir) { return dir.Has("cpuset"); });
    for (const cgroup::Dir& dir : dirs_) EXPECT_TRUE(MakeDirs(dir.path, 0755).ok()) << dir.path;
    Start(memory);
    EXPECT_TRUE(Eventually([this] { return Exists(ready_); }));
  }
  ~BusyCgroup() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    EXPECT_EQ(RemoveCgroups(dirs_), absl::OkStatus());
    unlink(ready_.c_str());
  }
  BusyCgroup(const BusyCgroup&) = delete;
  BusyCgroup& operator=(const BusyCgroup&) = delete;

  // False where no controller counts it: on cgroup v2 the parents of a test's cgroups may not have it enabled.
  bool counts_memory() const { return Has("memory.current") || Has("memory.usage_in_bytes"); }
  bool counts_tasks() const { return Has("pids.current"); }

 private:
  bool Has(const std::string& file) const {
    return std::any_of(dirs_.begin(), dirs_.end(),
                       [&file](const cgroup::Dir& dir) { return Exists(dir.path + "/" + file); });
  }

  void Start(int64_t memory) {
    std::string script =
        "ready=$1; bytes=$2; shift 2; for dir; do echo $$ >$dir/cgroup.procs; done; "
        "held=$(head -c $bytes /dev/zero | tr '\\0' x); : >$ready; while :; do :; done";
    std::vector<std::string> words = {"sh", "-c", script, "sh", ready_, std::to_string(memory)};
    for (const cgroup::Dir& dir : dirs_) words.push_back(dir.path);
    std::vector<char*> args;
    for (std::string& word : words) args.push_back(word.data());
    args.push_back(nullptr);
    EXPECT_EQ(posix_spawn(&pid_, "/bin/sh", nullptr, nullptr, args.data(), environ), 0);
  }

  cgroup::Dirs dirs_;
  const std::string ready_ = testing::TempDir() + "crisp-busy-" + std::to_string(getpid());
  pid_t pid_ = -1;
};

}  // namespace crisp
