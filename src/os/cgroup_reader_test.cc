#include "os/cgroup_reader.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "os/cgroup.h"
#include "os/file.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::Pair;

// The files of a cgroup with fixed content, so that the formats of both versions are tested on any machine.
class CgroupReaderTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(MakeDirs(absl::StrCat(dir_, "/", name.substr(0, name.rfind('/'))), 0755).ok());
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, absl::StrCat(dir_, "/", name), text, 0644).ok());
  }
  cgroup::Dirs V1() const {
    cgroup::Dirs dirs;
    for (const char* name : {"cpu", "cpuacct", "memory", "pids", "blkio"})
      dirs.push_back({dir_ + "/" + name, name, false});
    dirs.push_back({dir_ + "/unified", "", true});
    return dirs;
  }
  cgroup::Dirs V2() const { return {{dir_ + "/c", "", true}}; }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
};

TEST_F(CgroupReaderTest, VersionOneCountsWhatIsBelowAsWell) {
  Write("cpuacct/cpuacct.usage", "123456789\n");
  Write("memory/memory.usage_in_bytes", "5000\n");
  Write("memory/memory.stat",
        "inactive_file 1\nrss 2\nhierarchical_memory_limit 8192\nhierarchical_memsw_limit 10240\ntotal_cache 900\n"
        "total_rss 2000\ntotal_swap 70\ntotal_pgfault 11\ntotal_pgmajfault 3\ntotal_inactive_file 600\n"
        "total_active_file 300\n");
  Write("pids/pids.current", "4\n");
  const CgroupUsage usage = CgroupReader(V1()).Read();
  EXPECT_EQ(usage.cpu_nanos, 123456789u);
  ASSERT_TRUE(usage.memory);
  EXPECT_EQ(usage.memory->usage, 5000u);
  EXPECT_EQ(usage.memory->WorkingSet(), 4400u);
  EXPECT_EQ(usage.memory->rss, 2000u);
  EXPECT_EQ(usage.memory->page_faults, 11u);
  EXPECT_EQ(usage.memory->major_page_faults, 3u);
  EXPECT_EQ(usage.memory->limit, 8192u);
  EXPECT_EQ(usage.memory->swap, 70u);
  EXPECT_EQ(usage.memory->swap_limit, 2048u);
  EXPECT_EQ(usage.tasks, 4u);
  EXPECT_FALSE(usage.cpu_pressure);
}

TEST_F(CgroupReaderTest, VersionOneHasNoLimitAtItsLargestNumber) {
  Write("memory/memory.usage_in_bytes", "5000\n");
  Write("memory/memory.stat", "hierarchical_memory_limit 9223372036854771712\n");
  const CgroupUsage usage = CgroupReader(V1()).Read();
  ASSERT_TRUE(usage.memory);
  EXPECT_FALSE(usage.memory->limit);
  EXPECT_FALSE(usage.memory->swap) << "swap is not accounted for";
}

TEST_F(CgroupReaderTest, VersionTwo) {
  Write("c/cpu.stat",
        "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 9\nnr_throttled 4\nthrottled_usec 7\nnr_bursts 2\n"
        "burst_usec 6\n");
  Write("c/memory.current", "5000\n");
  Write("c/memory.max", "max\n");
  Write("c/memory.swap.current", "10\n");
  Write("c/memory.swap.max", "4096\n");
  Write("c/memory.stat",
        "anon 2000\nfile 900\nkernel 33\nfile_mapped 5\ninactive_anon 7\ninactive_file 6000\npgfault 11\n");
  Write("c/memory.events", "low 0\nmax 12\noom 1\noom_kill 2\n");
  Write("c/pids.current", "3\n");
  Write("c/pids.max", "max\n");
  Write("c/cgroup.procs", "12\n13\n");
  Write("c/cpu.pressure",
        "some avg10=1.50 avg60=0.25 avg300=0.00 total=77\nfull avg10=0.00 avg60=0.00 avg300=0.10 total=5\n");
  Write("c/io.stat", "8:0 rbytes=4096 wbytes=512 rios=2 wios=1 dbytes=0 dios=0 cost.usage=7 cost.wait=8\n8:16 \n");
  CgroupReader reader(V2());
  const CgroupUsage usage = reader.Read();
  EXPECT_EQ(usage.cpu_nanos, 5000u);
  ASSERT_TRUE(usage.memory);
  EXPECT_EQ(usage.memory->rss, 2000u);
  EXPECT_EQ(usage.memory->WorkingSet(), 0u) << "inactive pages may be counted a moment later";
  EXPECT_FALSE(usage.memory->limit);
  EXPECT_EQ(usage.memory->swap, 10u);
  EXPECT_EQ(usage.memory->swap_limit, 4096u);
  EXPECT_EQ(usage.tasks, 3u);
  ASSERT_TRUE(usage.cpu_pressure);
  EXPECT_DOUBLE_EQ(usage.cpu_pressure->some.avg10, 1.5);
  EXPECT_DOUBLE_EQ(usage.cpu_pressure->some.avg60, 0.25);
  EXPECT_EQ(usage.cpu_pressure->some.total_micros, 77u);
  EXPECT_EQ(usage.cpu_pressure->full.total_micros, 5u);
  EXPECT_DOUBLE_EQ(usage.cpu_pressure->full.avg300, 0.1);
  EXPECT_FALSE(usage.io_pressure);

  const CgroupDetails details = reader.ReadDetails();
  EXPECT_EQ(details.cpu_user_nanos, 3000u);
  EXPECT_EQ(details.cpu_throttled_nanos, 7000u);
  EXPECT_EQ(details.cpu_bursts, 2u);
  EXPECT_EQ(details.cpu_burst_nanos, 6000u);
  EXPECT_EQ(details.memory_limit_hits, 12u);
  EXPECT_EQ(details.oom_kills, 2u);
  EXPECT_EQ(details.kernel_memory, 33u);
  EXPECT_EQ(details.processes, 2u);
  EXPECT_FALSE(details.tasks_limit);
  ASSERT_EQ(details.io.size(), 2u);
  EXPECT_EQ(details.io[0].major, 8u);
  EXPECT_EQ(details.io[0].read_bytes, 4096u);
  EXPECT_EQ(details.io[0].writes, 1u);
  EXPECT_THAT(details.io[0].bytes, ElementsAre(Pair("Read", 4096u), Pair("Write", 512u)));
  EXPECT_EQ(details.io[0].cost_usage_micros, 7u);
  EXPECT_EQ(details.io[0].cost_wait_micros, 8u);
  EXPECT_FALSE(details.io[0].cost_debt_micros);
  EXPECT_FALSE(details.io[1].cost_usage_micros);
}

TEST_F(CgroupReaderTest, VersionOneCountsTheQuotaInNanoseconds) {
  Write("cpuacct/cpuacct.usage", "5\n");
  Write("cpu/cpu.stat", "nr_periods 1\nnr_throttled 2\nthrottled_time 3\nnr_bursts 4\nburst_time 5\n");
  const CgroupDetails details = CgroupReader(V1()).ReadDetails();
  EXPECT_EQ(details.cpu_throttled_nanos, 3u);
  EXPECT_EQ(details.cpu_bursts, 4u);
  EXPECT_EQ(details.cpu_burst_nanos, 5u);
}

TEST_F(CgroupReaderTest, VersionOneCountsDevices) {
  Write("blkio/blkio.throttle.io_service_bytes_recursive",
        "8:0 Read 4096\n8:0 Write 512\n8:0 Total 4608\n8:16 Read 1\nTotal 4609\n");
  Write("blkio/blkio.throttle.io_serviced_recursive", "8:0 Read 2\n8:0 Write 1\nTotal 3\n");
  const CgroupDetails details = CgroupReader(V1()).ReadDetails();
  ASSERT_EQ(details.io.size(), 2u);
  EXPECT_EQ(details.io[0].read_bytes, 4096u);
  EXPECT_EQ(details.io[0].written_bytes, 512u);
  EXPECT_EQ(details.io[0].reads, 2u);
  EXPECT_THAT(details.io[0].bytes, ElementsAre(Pair("Read", 4096u), Pair("Write", 512u), Pair("Total", 4608u)));
  EXPECT_EQ(details.io[1].minor, 16u);
}

TEST_F(CgroupReaderTest, WhatIsNotThereIsAbsent) {
  CgroupReader reader(V2());
  const CgroupUsage usage = reader.Read();
  EXPECT_FALSE(usage.cpu_nanos);
  EXPECT_FALSE(usage.memory);
  EXPECT_FALSE(usage.tasks);
  EXPECT_FALSE(CgroupReader({}).Read().memory);
}

TEST_F(CgroupReaderTest, AFileThatIsKeptOpenIsReadAnew) {
  Write("c/pids.current", "3\n");
  CgroupReader reader(V2());
  EXPECT_EQ(reader.Read().tasks, 3u);
  Write("c/pids.current", "5\n");
  EXPECT_EQ(reader.Read().tasks, 5u);
}

// A real cgroup of this machine with a child of the test in it.
class LiveCgroupTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    dirs_ = *ContainerCgroups(absl::StrCat("/crisp-reader-test-", getpid()), false);
    for (const cgroup::Dir& dir : dirs_) ASSERT_EQ(mkdir(dir.path.c_str(), 0755), 0) << dir.path;
    child_ = fork();
    if (child_ == 0) {
      for (;;) pause();
    }
    for (const cgroup::Dir& dir : dirs_) {
      // A new cpuset has no processors, and takes no process until it has some.
      if (dir.Has("cpuset")) continue;
      ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir.path + "/cgroup.procs", std::to_string(child_), 0).ok()) << dir.path;
    }
  }
  void TearDown() override {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    EXPECT_TRUE(RemoveCgroups(dirs_).ok());
  }

  cgroup::Dirs dirs_;
  pid_t child_ = -1;
};

TEST_F(LiveCgroupTest, IsReadAndMayBeRemovedMeanwhile) {
  CgroupReader reader(dirs_);
  const CgroupUsage usage = reader.Read();
  EXPECT_TRUE(usage.cpu_nanos);
  ASSERT_TRUE(usage.memory);
  EXPECT_EQ(usage.tasks, 1u);
  EXPECT_EQ(reader.ReadDetails().processes, 1u);
  kill(child_, SIGKILL);
  waitpid(child_, nullptr, 0);
  child_ = -1;
  ASSERT_TRUE(RemoveCgroups(dirs_).ok()) << "the files that are open hold nothing";
  EXPECT_FALSE(reader.Read().memory);
  EXPECT_FALSE(reader.Read().tasks);
}

}  // namespace
}  // namespace crisp
