// What the kernel's OOM killer does, as the kubelet is told of it.
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

constexpr int64_t kLimit = 32 << 20;

class OomTest : public NodeTest {
 protected:
  static cri::ContainerConfig Limited(const std::string& name, const std::string& script) {
    cri::ContainerConfig config = ContainerOf(name, script);
    config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(kLimit);
    return config;
  }
};

TEST_F(OomTest, AContainerAboveItsLimitEndsOomKilledEveryTime) {
  const PodRef pod = RunPod("oom");
  for (int i = 0; i < 10; ++i) {
    // exec: so that its first process is the one that takes the memory.
    const cri::ContainerStatus status = RunToEnd(pod, Limited("c" + std::to_string(i), "exec tail -c 200m /dev/zero"));
    EXPECT_EQ(status.exit_code(), 137) << i;
    EXPECT_EQ(status.reason(), "OOMKilled") << i;
  }
}

TEST_F(OomTest, ManyAtOnceAreAllReported) {
  const PodRef pod = RunPod("many");
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(Create(pod, Limited("c" + std::to_string(i),
                                      i % 2 == 0 ? "exec tail -c 200m /dev/zero" : "sleep 0.2; kill -9 $$; exit 9")));
  }
  for (const std::string& id : ids) Must(cri().StartContainer(id));
  for (size_t i = 0; i < ids.size(); ++i) {
    const cri::ContainerStatus status = WaitForExit(ids[i]);
    EXPECT_EQ(status.reason(), i % 2 == 0 ? "OOMKilled" : "Error") << i;
  }
}

TEST_F(OomTest, AKilledChildIsReportedWhenItsContainerEnds) {
  const PodRef pod = RunPod("child");
  const cri::ContainerStatus status = RunToEnd(pod, Limited("c", "tail -c 200m /dev/zero; echo $?; exit 3"));
  EXPECT_EQ(status.exit_code(), 3);
  EXPECT_EQ(status.reason(), "OOMKilled");
  EXPECT_THAT(ReadFile(pod.LogPath("c")), HasSubstr("stdout F 137\n"));
}

TEST_F(OomTest, AKilledExecIsLoggedAndReportedWhenItsContainerEnds) {
  const PodRef pod = RunPod("exec");
  const std::string id = Start(pod, Limited("c", "sleep 100000"));
  EXPECT_EQ(Must(cri().Exec(id, {"sh", "-c", "exec tail -c 200m /dev/zero"}, 30)).exit_code(), 137);
  EXPECT_TRUE(Eventually([&] {
    return testing::Matches(testing::Contains(
        IsLogRecord("the OOM killer killed a process of the container",
                    {{"container_id", id}, {"pod", "exec"}, {"oom_kills", "1"}})))(node().LogRecords());
  }));
  Must(cri().StopContainer(id, 0));
  EXPECT_EQ(StatusOf(id).reason(), "OOMKilled");
}

TEST_F(OomTest, AnOomKillOfANeighbourIsNotReported) {
  const PodRef pod = RunPod("neighbours");
  const std::string quiet = Start(pod, Limited("quiet", "sleep 100000"));
  EXPECT_EQ(RunToEnd(pod, Limited("greedy", "exec tail -c 200m /dev/zero")).reason(), "OOMKilled");
  Must(cri().StopContainer(quiet, 0));
  const cri::ContainerStatus status = StatusOf(quiet);
  EXPECT_EQ(status.exit_code(), 137);
  EXPECT_EQ(status.reason(), "Error");
}

}  // namespace
}  // namespace crisp::e2e
