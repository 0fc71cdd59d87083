// Commands that the shim runs without the OCI runtime: whose errors they have, who runs the others, and that a
// container cannot use them to get out. In these tests `runc exec` fails, unless a test lets it work.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <thread>

#include "e2e/stream_fixture.h"

namespace crisp::e2e {
namespace {

class NativeExecTest : public NativeExecFixture {
 protected:
  void Begin() override {
    StreamTest::Begin();
    Main();
    node().wrappers().Fail("exec", "runc exec was called", 1);
  }

  void LetRuncRunAll() {
    node().wrappers().ReleaseAll();
    std::string toml = ReadFile(node().paths().config_file());
    const std::string on = "native_exec = true";
    WriteFile(node().paths().config_file(), toml.replace(toml.find(on), on.size(), "native_exec = false"));
    node().Restart();
  }

  // A container with the right to mount.
  std::string StartMighty(const std::string& name, const std::string& script) {
    cri::ContainerConfig config = ContainerOf(name, script + "; sleep 100000");
    Security(config).mutable_capabilities()->add_add_capabilities("ALL");
    const std::string id = Start(pod(), config);
    return id;
  }
};

TEST_F(NativeExecTest, RuncIsNotCalledUnlessTheConfigurationSaysSo) {
  EXPECT_EQ(Sh(Main(), "echo natively"), "natively\n");
  node().wrappers().ReleaseAll();
  LetRuncRunAll();
  EXPECT_EQ(Sh(Main(), "echo by runc"), "by runc\n");
  node().wrappers().Fail("exec", "runc exec was called", 1);
  EXPECT_THAT(cri().Exec(Main(), {"true"}).text(), HasSubstr("the runtime ended with status 1"));
}

TEST_F(NativeExecTest, ErrorsHaveRuncsWords) {
  Sh(Main(),
     "echo nonsense > /tmp/nonsense; printf '#!/none\\n' > /tmp/script; chmod 755 /tmp/nonsense /tmp/script; echo x > "
     "/tmp/data; mkdir /tmp/d; ln -s /l /l");
  const std::vector<std::vector<std::string>> commands = {
      {"/no/such/program"}, {"no-such-program"}, {"/tmp/data"}, {"/tmp/d"},     {"/tmp/nonsense"},
      {"./none"},           {"/tmp/data/x"},     {"/l"},        {"/tmp/script"}};
  const auto words = [this](const std::vector<std::string>& command) {
    const auto answer = cri().Exec(Main(), command);
    if (!answer.ok()) return Describe(answer.status);
    return std::to_string(answer.value.exit_code()) + " " + answer.value.stdout() + answer.value.stderr();
  };
  std::vector<std::string> natively;
  for (const auto& command : commands) natively.push_back(words(command));
  LetRuncRunAll();
  for (size_t i = 0; i < commands.size(); ++i) EXPECT_EQ(natively[i], words(commands[i])) << commands[i][0];
  EXPECT_THAT(natively[0], HasSubstr("no such file or directory"));
  EXPECT_THAT(natively[1], HasSubstr("executable file not found in $PATH"));
  EXPECT_THAT(natively[2], HasSubstr("permission denied"));
}

TEST_F(NativeExecTest, AWorkingDirectoryThatIsGoneIsAnErrorInRuncsWords) {
  cri::ContainerConfig config = ContainerOf("gone", "sleep 100000");
  config.set_working_dir("/tmp/work");
  const std::string id = Start(pod(), config);
  EXPECT_EQ(Sh(id, "pwd; rmdir /tmp/work"), "/tmp/work\n");
  const std::string natively = Describe(cri().Exec(id, {"true"}).status);
  EXPECT_THAT(natively, HasSubstr("/tmp/work"));
  LetRuncRunAll();
  EXPECT_EQ(natively, Describe(cri().Exec(id, {"true"}).status));
}

TEST_F(NativeExecTest, AFrozenContainerIsLeftToRunc) {
  node().wrappers().ReleaseAll();
  const std::string dir = "/sys/fs/cgroup/freezer" + node().CgroupOf(Main());
  if (access(dir.c_str(), F_OK) != 0) GTEST_SKIP() << "needs the freezer of cgroup v1";
  WriteFile(dir + "/freezer.state", "FROZEN");
  const auto answer = cri().Exec(Main(), {"true"}, 10);
  WriteFile(dir + "/freezer.state", "THAWED");
  EXPECT_THAT(answer.text(), HasSubstr("paused"));
  EXPECT_EQ(Sh(Main(), "echo fine"), "fine\n");
}

// runc adds a process to a full cgroup too: the limit is one of forks.
TEST_F(NativeExecTest, ACommandRunsAtTheLimitOfProcesses) {
  const std::string file = "/sys/fs/cgroup/pids" + node().CgroupOf(Main()) + "/pids.max";
  if (access(file.c_str(), F_OK) != 0) GTEST_SKIP() << "needs the pids controller of cgroup v1";
  WriteFile(file, "1");
  EXPECT_EQ(Must(cri().Exec(Main(), {"echo", "fine"})).stdout(), "fine\n");
  EXPECT_NE(Must(cri().Exec(Main(), {"sh", "-c", "true | true"})).exit_code(), 0) << "it may not fork";
}

TEST_F(NativeExecTest, ManyAtOnceWhileTheirContainerIsKilled) {
  std::vector<std::future<Answer<cri::ExecSyncResponse>>> execs;
  for (int i = 0; i < 24; ++i) {
    execs.push_back(std::async(std::launch::async, [this] { return cri().Exec(Main(), {"sleep", "34343"}, 20); }));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  Must(cri().StopContainer(Main(), 0));
  for (auto& exec : execs) {
    const auto answer = exec.get();
    if (answer.ok()) {
      EXPECT_EQ(answer.value.exit_code(), 137);
    }
  }
  EXPECT_FALSE(Runs("sleep 34343"));
}

// --- ways out of a container that the OCI runtimes had ---

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// CVE-2019-5736: a command that runs what launched it, and a process that overwrites what launches commands.
TEST_F(NativeExecTest, NoProgramOfTheNodeCanBeReachedByProcSelfExe) {
  const std::string shim = Content(CRISP_SHIM);
  const std::string id =
      StartMighty("overwriter",
                  "(while :; do for exe in /proc/[0-9]*/exe; do case $(readlink $exe) in *busybox*|*sh*|*sleep*) ;; "
                  "*) echo overwritten > $exe && echo $exe >> /tmp/written;; esac; done; done) 2> /dev/null & true");
  Sh(id, "printf '#!/proc/self/exe\\n' > /evil; chmod 755 /evil");
  for (int i = 0; i < 50; ++i) {
    const auto answer = cri().Exec(id, {"/evil"}, 10);
    EXPECT_TRUE(!answer.ok() || answer.value.exit_code() != 0);
    EXPECT_EQ(Must(cri().Exec(id, {"echo", "fine"})).stdout(), "fine\n");
  }
  EXPECT_EQ(Must(cri().Exec(id, {"cat", "/tmp/written"})).stdout(), "");
  EXPECT_TRUE(Content(CRISP_SHIM) == shim) << "the container has written to crisp-shim";
}

// CVE-2024-21626: a working directory that is a descriptor of the launcher.
TEST_F(NativeExecTest, TheWorkingDirectoryCannotBeADescriptorOfTheNode) {
  cri::ContainerConfig config = ContainerOf("walker", "sleep 100000");
  config.set_working_dir("/tmp/work");
  const std::string id = Start(pod(), config);
  for (int fd = 0; fd < 16; ++fd) {
    const std::string root = ProcPath(PidOf(id), "root");
    std::filesystem::remove_all(root + "/tmp/work");
    std::filesystem::create_symlink("/proc/self/fd/" + std::to_string(fd), root + "/tmp/work");
    const auto answer = cri().Exec(id, {"pwd"});
    EXPECT_FALSE(answer.ok()) << fd << ": " << answer.value.stdout();
  }
}

// CVE-2025-52565: another file in the place of the multiplexer of terminals.
TEST_F(NativeExecTest, ATerminalIsMadeByADevptsOnly) {
  const std::string id = StartMighty("coverer", "true");
  const auto request = [&] {
    cri::ExecRequest exec = ExecOf(id, "echo fine; read x");
    exec.set_tty(true);
    return UrlOf(exec);
  };
  const auto fails = [&] {
    Spdy exec(request(), /*with_resize=*/true);
    return exec.client->ReadUntilClosed() && exec.Result().find("make a terminal") != std::string::npos;
  };
  Sh(id, "mkfifo /tmp/fifo; echo secret > /tmp/file; mount --bind /tmp/file /dev/pts/ptmx");
  EXPECT_TRUE(fails());
  EXPECT_EQ(Sh(id, "umount /dev/pts/ptmx; mount --bind /tmp/fifo /dev/pts/ptmx; cat /tmp/file"), "secret\n");
  EXPECT_TRUE(fails());
  Sh(id, "umount /dev/pts/ptmx; mount --bind /dev/null /dev/pts/ptmx");
  EXPECT_TRUE(fails());
  Sh(id, "umount /dev/pts/ptmx");
  Spdy exec(request(), /*with_resize=*/true);
  EXPECT_TRUE(exec.ReadUntilOutput("fine"));
}

// CVE-2025-31133, CVE-2025-52881: other files in the place of /dev/null and of /proc, to which a launcher writes.
TEST_F(NativeExecTest, NothingIsWrittenWhereTheContainerSaysThatDevNullAndProcAre) {
  const std::string id = StartMighty("mounter", "true");
  Sh(id, "echo mine > /tmp/target; chown 5:6 /tmp/target; rm /dev/null; ln -s /tmp/target /dev/null");
  EXPECT_EQ(Sh(id, "cat /tmp/target; stat -c %u:%g /tmp/target"), "mine\n5:6\n");
  Sh(id,
     "mkdir -p /tmp/proc/self/attr/apparmor /tmp/proc/self/fd; for f in oom_score_adj attr/exec attr/apparmor/exec "
     "setgroups; do echo mine > /tmp/proc/self/$f; done; mount --bind /tmp/proc /proc");
  EXPECT_EQ(
      Sh(id, "cat /proc/self/oom_score_adj /proc/self/attr/exec /proc/self/attr/apparmor/exec /proc/self/setgroups"),
      "mine\nmine\nmine\nmine\n");
}

}  // namespace
}  // namespace crisp::e2e
