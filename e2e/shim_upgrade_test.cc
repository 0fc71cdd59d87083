// A node whose crisp-shim is exchanged while pods run: the next crispd brings their shims to it, in place.
#include <filesystem>
#include <future>
#include <optional>

#include "e2e/cri_log.h"
#include "e2e/fault_fixture.h"
#include "e2e/installed_shim.h"
#include "e2e/stream_fixture.h"

namespace crisp::e2e {
namespace {

constexpr std::chrono::seconds kSoon{20};
constexpr size_t kPageBytes = 20 << 20;

// "line 0\nline 1\n...", from whichever line it begins with: how many lines, -1 if they do not follow each other.
int FollowingLines(const std::string& text) {
  const std::vector<std::string> lines = Lines(text.substr(0, text.rfind('\n') + 1));
  int next = -1;
  for (const std::string& line : lines) {
    if (line.rfind("line ", 0) != 0) return -1;
    const int number = std::stoi(line.substr(5));
    if (next >= 0 && number != next) return -1;
    next = number + 1;
  }
  return static_cast<int>(lines.size());
}

class ShimUpgradeTest : public StreamTest {
 protected:
  void Begin() override {
    shim_program_.emplace(node().paths());
    node().Restart();
    StreamTest::Begin();
  }

  const InstalledShim& shim_program() { return *shim_program_; }
  // Its pid stays. While the OCI runtime runs, the pod's id is in the command lines of several processes.
  pid_t Shim() {
    if (shim_ < 0) shim_ = PidByCommand(pod().id);
    return shim_;
  }
  bool IsUpgraded() { return std::filesystem::equivalent(ProcPath(Shim(), "exe"), shim_program().path()); }
  int Logged(const std::string& message) {
    int count = 0;
    for (const LogRecord& record : node().LogRecords()) count += record.message == message ? 1 : 0;
    return count;
  }

 private:
  std::optional<InstalledShim> shim_program_;
  pid_t shim_ = -1;
};

// The runtime's "create" of one more container stalls, so that the shim is busy until all else is under way.
TEST_F(ShimUpgradeTest, UnderLoadNothingIsLost) {
  cri::ContainerConfig attachable = ContainerOf("counter", kCounter);
  attachable.set_stdin(true);
  const std::string counter = Start(pod(), attachable);
  Start(pod(), ContainerOf("web", "mkdir /tmp/w; head -c " + std::to_string(kPageBytes) +
                                      " /dev/zero > /tmp/w/page; exec httpd -f -p 8080 -h /tmp/w"));
  const std::string leaver = Start(pod(), ContainerOf("leaver", kLeaver));
  const pid_t leaver_pid = PidOf(leaver);
  const std::string stalled = Create(pod(), ContainerOf("stalled", "sleep 1000"));
  Main();
  const std::string before = Identity(Shim()) + Identity(PidOf(counter));
  shim_program().InstallNewer();
  node().wrappers().Stall("create");
  auto start = std::async(std::launch::async, [&] { return cri().StartContainer(stalled); });
  node().wrappers().WaitForStalled("create");
  node().Kill();
  EXPECT_FALSE(start.get().ok());
  node().Start();

  Spdy attach(AttachUrl(counter));
  Spdy exec(ExecUrl("i=0; while ! read -t 0 line; do echo line $i; i=$((i+1)); done; exit 3"));
  ASSERT_TRUE(exec.ReadUntilOutput("line 10\n"));
  ASSERT_TRUE(attach.ReadUntilOutput("line")) << attach.Result();
  const auto forward = SpdyClient::Connect(ForwardUrl(pod()), {kPortForward});
  forward->Open({{"streamtype", "error"}, {"port", "8080"}, {"requestid", "1"}});
  const uint32_t page = forward->Open({{"streamtype", "data"}, {"port", "8080"}, {"requestid", "1"}});
  forward->Send(page, "GET /page HTTP/1.0\r\n\r\n", true);
  ASSERT_TRUE(forward->ReadUntil([&] { return forward->stream(page).data.size() > kPageBytes / 4; }));
  EXPECT_FALSE(IsUpgraded()) << "a container is being started";

  node().wrappers().Release("create");
  WaitFor("the upgrade", kSoon, [&] {
    attach.client->ReadOnce(std::chrono::milliseconds(10));
    exec.client->ReadOnce(std::chrono::milliseconds(10));
    return IsUpgraded();
  });
  EXPECT_EQ(Identity(Shim()) + Identity(PidOf(counter)), before);
  EXPECT_EQ(ReadFile(ProcPath(Shim(), "comm")), "crisp-shim\n");

  ASSERT_TRUE(forward->ReadUntil([&] { return forward->stream(page).ended; }));
  const std::string& answer = forward->stream(page).data;
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, kPageBytes);
  exec.client->Send(exec.input, "enough\n");
  ASSERT_TRUE(exec.client->ReadUntilClosed());
  EXPECT_GT(FollowingLines(exec.Output()), 10);
  EXPECT_THAT(exec.Result(), HasSubstr(R"("message":"3","reason":"ExitCode")"));
  WriteFile(ProcPath(leaver_pid, "root/tmp/go"), "");
  EXPECT_EQ(WaitForExit(leaver).exit_code(), 23);
  Must(cri().StopContainer(counter, 0));
  ASSERT_TRUE(attach.client->ReadUntilClosed());
  EXPECT_GT(FollowingLines(attach.Output()), 10);
  EXPECT_GT(CountedLines(ReadFile(pod().LogPath("counter"))), 10);
  EXPECT_EQ(StatusOf(stalled).state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(Logged("upgraded the pod's shim in place"), 1);
}

TEST_F(ShimUpgradeTest, AShimThatCannotBeUpgradedGoesOnUntilItCan) {
  const std::string counter = Start(pod(), ContainerOf("counter", kCounter));
  const std::string before = Identity(Shim()) + Identity(PidOf(counter));
  shim_program().Install(
      "#!/bin/sh\ncase $1 in --build) echo broken;; --takes-state) echo crisp-shim takes state $2;; esac\n");
  node().Restart();
  WaitFor("the failure", kSoon,
          [&] { return Logged("cannot upgrade the pod's shim in place; it goes on with its old program") == 1; });
  EXPECT_EQ(Sh(counter, "echo works"), "works\n");
  shim_program().InstallNewer();
  node().Restart();
  WaitFor("the upgrade", kSoon, [&] { return IsUpgraded(); });
  EXPECT_EQ(Sh(counter, "echo works"), "works\n");
  EXPECT_EQ(Identity(Shim()) + Identity(PidOf(counter)), before);
  Must(cri().StopContainer(counter, 0));
  EXPECT_GT(CountedLines(ReadFile(pod().LogPath("counter"))), 10);
}

}  // namespace
}  // namespace crisp::e2e
