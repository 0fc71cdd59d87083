// crisp, the client program, as a person uses it: on a pseudo-terminal and in pipes, against a real crispd.
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <regex>

#include "e2e/fixture.h"
#include "e2e/http.h"
#include "os/fd.h"

namespace crisp::e2e {
namespace {

struct Said {
  std::string text;  // stdout and stderr
  int status = -1;
};

// A run of the program on a terminal of 100 columns.
class OnTerminal {
 public:
  explicit OnTerminal(std::vector<std::string> args) {
    winsize size{};
    size.ws_col = 100;
    size.ws_row = 30;
    args.insert(args.begin(), CRISP_CLIENT);
    std::vector<char*> words;
    for (std::string& arg : args) words.push_back(arg.data());
    words.push_back(nullptr);
    int terminal = -1;
    pid_ = forkpty(&terminal, nullptr, nullptr, &size);
    if (pid_ == 0) {
      execv(words[0], words.data());
      _exit(99);
    }
    terminal_.reset(terminal);
  }
  ~OnTerminal() {
    if (pid_ > 0) kill(pid_, SIGKILL);
  }

  void Type(const std::string& keys) {
    EXPECT_EQ(write(terminal_.get(), keys.data(), keys.size()), ssize_t(keys.size()));
  }
  void WaitUntilShown(const std::string& text) {
    WaitFor("\"" + text + "\" on the terminal, which shows: " + shown_, std::chrono::seconds(20),
            [&] { return ReadMore(10), shown_.find(text) != std::string::npos; });
  }
  Said End() {
    WaitFor("the end of crisp", std::chrono::seconds(30), [&] {
      ReadMore(10);
      return waitpid(pid_, &status_, WNOHANG) == pid_;
    });
    while (ReadMore(10)) continue;
    pid_ = -1;
    return {shown_, WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_)};
  }

 private:
  bool ReadMore(int wait) {
    pollfd ready = {terminal_.get(), POLLIN, 0};
    char part[4096];
    if (poll(&ready, 1, wait) <= 0) return false;
    const ssize_t count = read(terminal_.get(), part, sizeof part);
    if (count > 0) shown_.append(part, static_cast<size_t>(count));
    return count > 0;
  }

  pid_t pid_ = -1;
  Fd terminal_;
  int status_ = 0;
  std::string shown_;
};

class ClientTest : public NodeTest {
 protected:
  void Begin() override { MakeDirectory(DataRoot()); }

  std::string DataRoot() { return node().paths().directory() + "/client"; }
  std::vector<std::string> Whole(std::vector<std::string> args) {
    args.insert(args.begin(), {"--endpoint", "unix://" + node().paths().socket(), "--data-root", DataRoot()});
    return args;
  }
  // In pipes, without a terminal.
  Said Crisp(const std::vector<std::string>& args, const std::string& input = "") {
    int in[2], out[2];
    EXPECT_EQ(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    std::vector<std::string> whole = Whole(args);
    whole.insert(whole.begin(), CRISP_CLIENT);
    std::vector<char*> words;
    for (std::string& word : whole) words.push_back(word.data());
    words.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      dup2(in[0], 0);
      dup2(out[1], 1);
      dup2(out[1], 2);
      execv(words[0], words.data());
      _exit(99);
    }
    close(in[0]);
    close(out[1]);
    EXPECT_EQ(write(in[1], input.data(), input.size()), ssize_t(input.size()));
    close(in[1]);
    Said said;
    char part[4096];
    for (ssize_t count; (count = read(out[0], part, sizeof part)) > 0;)
      said.text.append(part, static_cast<size_t>(count));
    close(out[0]);
    int status = 0;
    waitpid(child, &status, 0);
    said.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return said;
  }
  // In the test's cgroup, as the node must be as before at the end.
  Said Run(const std::vector<std::string>& args) {
    std::vector<std::string> whole = {"run", "--cgroup-parent", node().cgroup_parent()};
    whole.insert(whole.end(), args.begin(), args.end());
    return Crisp(whole);
  }
};

TEST_F(ClientTest, AContainerLivesFromPullToRmi) {
  EXPECT_THAT(Crisp({"info"}).text, AllOf(HasSubstr("Server: \"crisp "), HasSubstr("RuntimeReady: \"yes\"")));
  const Said pull = Crisp({"pull", kDefaults});
  EXPECT_EQ(pull.status, 0) << pull.text;
  const Said run = Run({"-d", "--name", "web", "-p", "8080:80", "-e", "WHO=you", "busybox:1.36", "sh", "-c",
                        "mkdir /www; echo page of $WHO > /www/index.html; echo ready; exec httpd -f -p 80 -h /www"});
  ASSERT_EQ(run.status, 0) << run.text;
  EXPECT_THAT(run.text, MatchesRegex("[0-9a-f]{64}\n"));

  const std::vector<std::string> ps = Lines(Crisp({"ps"}).text);
  ASSERT_EQ(ps.size(), 2u);
  EXPECT_TRUE(std::regex_match(ps[0], std::regex("CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES")))
      << ps[0];
  EXPECT_TRUE(
      std::regex_match(ps[1], std::regex("[0-9a-f]{12} +docker.io/library/busybox:1.36 +\"sh -c mkdir /www; e…\" "
                                         "+.* ago +Up .* +0.0.0.0:8080->80/tcp +web")))
      << ps[1];
  WaitFor("its log", std::chrono::seconds(10), [&] { return Crisp({"logs", "web"}).text == "ready\n"; });
  EXPECT_THAT(Crisp({"exec", "-i", "web", "cat"}, "through").text, "through");
  EXPECT_THAT(Fetch("10.88.0.1", 8080), EndsWith("page of you\n")) << "through the port of the host";

  EXPECT_EQ(Crisp({"rm", "web"}).status, 1) << "it runs";
  EXPECT_EQ(Crisp({"stop", "-t", "1", "web"}).text, "web\n");
  EXPECT_THAT(Crisp({"ps", "-a", "--format", "{{.Names}} {{.Status}}"}).text, HasSubstr("web Exited ("));
  EXPECT_EQ(Crisp({"start", "web"}).text, "web\n");
  EXPECT_THAT(Crisp({"ps", "-q"}).text, MatchesRegex("[0-9a-f]{12}\n"));
  EXPECT_EQ(Crisp({"rm", "-f", "web"}).text, "web\n");
  EXPECT_FALSE(FileExists(DataRoot() + "/containers/web"));
  EXPECT_THAT(Crisp({"images"}).text,
              AllOf(HasSubstr("REPOSITORY "), HasSubstr("BLOB SIZE"), HasSubstr("e2e/defaults")));
  EXPECT_THAT(Crisp({"rmi", kDefaults}).text, HasSubstr("Deleted: sha256:"));
}

TEST_F(ClientTest, ExitStatusesAreDockers) {
  EXPECT_EQ(Run({"--rm", "busybox:1.36", "sh", "-c", "exit 7"}).status, 7);
  EXPECT_EQ(Run({"--rm", "busybox:1.36", "nowhere"}).status, 127);
  EXPECT_EQ(Run({"--rm", "busybox:1.36", "/etc"}).status, 126);
  EXPECT_EQ(Run({"--rm", "--pull", "never", "nothing:here"}).status, 125);
  EXPECT_THAT(Run({"--rm", "busybox:1.36", "sh", "-c", "echo out; echo err >&2"}).text,
              AllOf(HasSubstr("out\n"), HasSubstr("err\n")));
  EXPECT_THAT(Crisp({"ps", "-aq"}).text, "") << "--rm removes them";
  EXPECT_THAT(Crisp({"logs", "nobody"}).text, HasSubstr("there is no container nobody"));
}

TEST_F(ClientTest, AShellOnATerminalIsDetachedFromAndHasTheTerminalsSize) {
  OnTerminal shell(
      Whole({"run", "--cgroup-parent", node().cgroup_parent(), "-it", "--name", "sh", "busybox:1.36", "sh"}));
  WaitFor("the container", std::chrono::seconds(20), [&] { return Crisp({"ps", "-q"}).text.size() > 1; });
  shell.Type("\n");
  shell.WaitUntilShown("#");
  shell.Type("stty size\n");
  shell.WaitUntilShown("30 100");
  shell.Type("\x10\x11");
  EXPECT_EQ(shell.End().status, 0);
  EXPECT_THAT(Crisp({"ps", "--format", "{{.Status}}"}).text, StartsWith("Up "));
  // The size comes behind the start of the command. Without one busybox's stty prints nothing, and succeeds.
  OnTerminal exec(
      Whole({"exec", "-it", "sh", "sh", "-c", "until stty size 2>/dev/null | grep .; do sleep 0.1; done; exit 3"}));
  const Said said = exec.End();
  EXPECT_THAT(said.text, HasSubstr("30 100"));
  EXPECT_EQ(said.status, 3);
  EXPECT_EQ(Crisp({"rm", "-f", "sh"}).text, "sh\n");
}

TEST_F(ClientTest, TheKubeletsContainersAreShownAndNotTouched) {
  const PodRef pod = RunPod("theirs");
  Start(pod, ContainerOf("app", "sleep 1000"));
  EXPECT_THAT(Lines(Crisp({"ps"}).text), SizeIs(1));
  EXPECT_THAT(Crisp({"ps", "-A"}).text, HasSubstr("e2e/theirs/app"));
  EXPECT_THAT(Crisp({"pods"}).text, HasSubstr("theirs"));
  EXPECT_EQ(Crisp({"inspect", "-f", "{{.State.Running}} {{.Pod.Name}}", "e2e/theirs/app"}).text, "true theirs\n");
  EXPECT_THAT(Crisp({"netshell", "theirs", "--", "ip", "-o", "-4", "addr"}).text, HasSubstr("10.88.0."));
  const Said stop = Crisp({"stop", "e2e/theirs/app"});
  EXPECT_EQ(stop.status, 1);
  EXPECT_THAT(stop.text, HasSubstr("--k8s"));
  EXPECT_EQ(Crisp({"--k8s", "stop", "-t", "0", "e2e/theirs/app"}).status, 0);
}

}  // namespace
}  // namespace crisp::e2e
