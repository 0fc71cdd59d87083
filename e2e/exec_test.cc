// ExecSync: a command in a container whose output is the answer.
#include <future>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

constexpr size_t kOutputCap = 16 << 20;

// With true natively, else by runc.
class ExecTest : public NodeTest, public ::testing::WithParamInterface<bool> {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.crisp_toml = GetParam() ? "native_exec = true\n" : "native_exec = false\n";
    return options;
  }
  void Begin() override {
    pod_ = RunPod("exec");
    container_ = Start(pod_, ContainerOf("main", "sleep 100000"));
  }

  const std::string& container() const { return container_; }

  Answer<cri::ExecSyncResponse> Exec(const std::string& script, int64_t timeout = 0) {
    return cri().Exec(container_, {"sh", "-c", script}, timeout);
  }

  PodRef pod_;
  std::string container_;
};

TEST_P(ExecTest, GivesTheCodeAndBothStreams) {
  const auto result = Must(Exec("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(result.exit_code(), 3);
  EXPECT_EQ(result.stdout(), "out\n");
  EXPECT_EQ(result.stderr(), "err\n");
}

TEST_P(ExecTest, KeepsEveryByteAndAddsNoNewline) {
  const auto result = Must(Exec("printf 'a\\0b\\377\\r\\nend'"));
  EXPECT_EQ(result.stdout(), std::string("a\0b\xff\r\nend", 9));
}

TEST_P(ExecTest, ASignalIs128AndItsNumber) {
  EXPECT_EQ(Must(Exec("kill -9 $$")).exit_code(), 137);
}

TEST_P(ExecTest, RunsInTheContainersNamespacesWithItsEnvironment) {
  cri::ContainerConfig config = ContainerOf("env", "sleep 1000");
  config.set_working_dir("/tmp");
  Security(config).mutable_run_as_user()->set_value(1234);
  AddEnv(config, "NAME", "of the container");
  const std::string id = Start(pod_, config);
  EXPECT_EQ(Sh(id, "pwd; echo $NAME; id -u; hostname"), "/tmp\nof the container\n1234\nexec\n");
}

TEST_P(ExecTest, AMissingProgramIsAnErrorOrTheShellsCode) {
  const auto answer = cri().Exec(container(), {"/no/such/program"});
  if (answer.ok()) {
    EXPECT_THAT(answer.value.exit_code(), AnyOf(126, 127));
  } else {
    EXPECT_THAT(answer.text(), HasSubstr("/no/such/program"));
    EXPECT_NE(answer.code(), grpc::NOT_FOUND) << "the kubelet takes NotFound for a container that is gone";
  }
  EXPECT_EQ(Must(Exec("echo fine")).stdout(), "fine\n");
}

TEST_P(ExecTest, ATimeOutIsDeadlineExceededAndLeavesNoProcess) {
  const auto begin = std::chrono::steady_clock::now();
  const auto answer = Exec("sleep 34567; true", 1);
  EXPECT_EQ(answer.code(), grpc::DEADLINE_EXCEEDED) << Describe(answer.status);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(950));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_FALSE(Runs("sleep 34567"));
  EXPECT_EQ(StatusOf(container()).state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(Must(Exec("echo fine")).stdout(), "fine\n");
}

TEST_P(ExecTest, ATimeOutEndsDaemonisedGrandchildrenToo) {
  const auto answer = Exec(
      "(setsid sh -c 'trap \"\" TERM HUP; sleep 45678; true' < /dev/null > /dev/null 2>&1 &) ; sleep 45679; true", 1);
  EXPECT_EQ(answer.code(), grpc::DEADLINE_EXCEEDED) << Describe(answer.status);
  EXPECT_FALSE(Runs("sleep 45679"));
  EXPECT_FALSE(Runs("sleep 45678"));
  EXPECT_TRUE(Runs("sleep 100000")) << "the container itself must go on";
}

TEST_P(ExecTest, TheCommandOfAClientThatDisconnectsIsKilled) {
  cri::ExecSyncRequest request;
  request.set_container_id(container());
  for (const char* word : {"sh", "-c", "sleep 56789; true"}) request.add_cmd(word);
  EXPECT_EQ(cri().Call(&Runtime::ExecSync, request, std::chrono::milliseconds(700)).code(), grpc::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([] { return !Runs("sleep 56789"); }, std::chrono::seconds(3)));
}

TEST_P(ExecTest, AChildThatHoldsThePipeDoesNotHoldTheAnswer) {
  const auto begin = std::chrono::steady_clock::now();
  const auto result = Must(Exec("setsid sleep 67890 & echo done"));
  EXPECT_EQ(result.stdout(), "done\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST_P(ExecTest, ABigOutputIsCappedAndGrowsNobody) {
  const pid_t shim = PidByCommand("crisp-shim");
  Must(Exec("head -c 20000000 /dev/zero"));  // buffers that stay are not growth
  const int64_t daemon_before = MemoryKib(node().pid(), "status", "RssAnon");
  const int64_t shim_before = MemoryKib(shim, "status", "VmHWM");
  const auto result = Must(Exec("head -c 104857600 /dev/zero; echo end >&2"));
  EXPECT_EQ(result.exit_code(), 0) << "the command was not drained to its end";
  EXPECT_LE(result.stdout().size(), kOutputCap);
  EXPECT_GT(result.stdout().size(), kOutputCap / 2);
  EXPECT_EQ(result.stderr(), "end\n");
  EXPECT_LT(MemoryKib(node().pid(), "status", "RssAnon") - daemon_before, 8 << 10);
  EXPECT_LT(MemoryKib(node().pid(), "status", "VmHWM"), 160 << 10);
  EXPECT_LT(MemoryKib(shim, "status", "VmHWM") - shim_before, 1 << 10);
}

TEST_P(ExecTest, ManyAtOnceEachGetTheirOwnOutput) {
  std::vector<std::future<Answer<cri::ExecSyncResponse>>> execs;
  for (int i = 0; i < 16; ++i) {
    execs.push_back(std::async(std::launch::async, [&, i] {
      return Exec("echo " + std::to_string(i) + "; sleep 0.2; exit " + std::to_string(i));
    }));
  }
  for (int i = 0; i < 16; ++i) {
    const auto result = Must(execs[static_cast<size_t>(i)].get());
    EXPECT_EQ(result.stdout(), std::to_string(i) + "\n");
    EXPECT_EQ(result.exit_code(), i);
  }
}

TEST_P(ExecTest, ManyInARowLeaveNothingOpen) {
  Must(Exec("true"));
  const pid_t shim = PidByCommand("crisp-shim");
  const Snapshot before = node().Look();
  const Snapshot shim_before = node().Look(shim);
  for (int i = 0; i < 30; ++i) Must(Exec("exit 1"));
  std::string daemon_left, shim_left;
  Eventually(
      [&] {
        daemon_left = Difference(before, node().Look());
        shim_left = Difference(shim_before, node().Look(shim));
        return daemon_left.empty() && shim_left.empty();
      },
      std::chrono::seconds(2));
  EXPECT_EQ(daemon_left, "");
  EXPECT_EQ(shim_left, "") << "with the shim as the daemon";
}

TEST_P(ExecTest, InAContainerThatDoesNotRunIsRefused) {
  const std::string created = Create(pod_, ContainerOf("created", "true"));
  EXPECT_EQ(cri().Exec(created, {"true"}).code(), grpc::FAILED_PRECONDITION);
  Must(cri().StopContainer(container(), 0));
  const auto answer = Exec("true");
  EXPECT_EQ(answer.code(), grpc::FAILED_PRECONDITION) << Describe(answer.status);
  EXPECT_EQ(cri().Exec(std::string(64, 'a'), {"true"}).code(), grpc::NOT_FOUND);
}

TEST_P(ExecTest, EndsWhenTheContainerIsKilled) {
  auto exec = std::async(std::launch::async, [&] { return Exec("sleep 78901; true"); });
  WaitFor("the command", std::chrono::seconds(5), [] { return Runs("sleep 78901"); });
  Must(cri().StopContainer(container(), 0));
  const auto answer = exec.get();
  if (answer.ok()) {
    EXPECT_EQ(answer.value.exit_code(), 137);
  }
  EXPECT_FALSE(Runs("sleep 78901"));
}

INSTANTIATE_TEST_SUITE_P(How, ExecTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "natively" : "by_runc"; });

}  // namespace
}  // namespace crisp::e2e
