// Exec, attach and port-forward, as the kubelet passes them through: over SPDY/3.1 and over WebSockets.
#include <atomic>
#include <filesystem>
#include <thread>

#include "e2e/fixture.h"
#include "streaming/testing/spdy_client.h"

namespace crisp::e2e {
namespace {

using ::testing::HasSubstr;

constexpr char kSuccess[] = R"({"metadata":{},"status":"Success"})";
constexpr char kV5[] = "v5.channel.k8s.io";

// The streams of an exec or attach that has input and output.
struct Spdy {
  explicit Spdy(const std::string& url, bool with_resize = false)
      : client(SpdyClient::Connect(url, {"v4.channel.k8s.io"})),
        result(client->OpenChannel("error")),
        input(client->OpenChannel("stdin")),
        output(client->OpenChannel("stdout")),
        resize(with_resize ? client->OpenChannel("resize") : 0) {}
  std::string& Output() { return client->stream(output).data; }
  std::string& Result() { return client->stream(result).data; }
  bool ReadUntilOutput(const std::string& text) {
    return client->ReadUntil([&] { return Output().find(text) != std::string::npos; });
  }

  std::unique_ptr<SpdyClient> client;
  uint32_t result, input, output, resize;
};

class StreamTest : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    if (IsSkipped()) return;
    pod_ = RunPod("stream");
  }

  const std::string& Main() {
    if (main_.empty()) main_ = Start(pod_, ContainerOf("main", "sleep 100000"));
    return main_;
  }

  static cri::ExecRequest ExecOf(const std::string& container, const std::string& script) {
    cri::ExecRequest request;
    request.set_container_id(container);
    for (const char* word : {"sh", "-c", script.c_str()}) request.add_cmd(word);
    request.set_stdin(true);
    request.set_stdout(true);
    return request;
  }
  std::string ExecUrl(const std::string& script, bool terminal = false) {
    cri::ExecRequest request = ExecOf(Main(), script);
    request.set_tty(terminal);
    return Must(cri().Call(&Runtime::Exec, request)).url();
  }
  std::string AttachUrl(const std::string& container, bool terminal = false) {
    cri::AttachRequest request;
    request.set_container_id(container);
    request.set_stdin(true);
    request.set_stdout(true);
    request.set_tty(terminal);
    return Must(cri().Call(&Runtime::Attach, request)).url();
  }
  std::string ForwardUrl() { return ForwardUrl(pod_); }
  std::string ForwardUrl(const PodRef& pod) {
    cri::PortForwardRequest request;
    request.set_pod_sandbox_id(pod.id);
    return Must(cri().Call(&Runtime::PortForward, request)).url();
  }

  // What httpd at the port answers, or why it does not.
  static std::string AskPage(SpdyClient* client, int port) {
    static int requests = 0;
    const std::string id = std::to_string(++requests);
    const uint32_t error = client->Open({{"streamtype", "error"}, {"port", std::to_string(port)}, {"requestid", id}});
    const uint32_t data = client->Open({{"streamtype", "data"}, {"port", std::to_string(port)}, {"requestid", id}});
    client->Send(data, "GET /index.html HTTP/1.0\r\n\r\n", true);
    client->ReadUntil([&] { return client->stream(data).ended || client->stream(data).reset != 0; });
    client->ReadUntil([&] { return client->stream(error).ended; });
    return client->stream(data).data + client->stream(error).data;
  }

  static bool Runs(const std::string& text) {
    for (const std::string& process : ProcessList({})) {
      if (process.find(text) != std::string::npos) return true;
    }
    return false;
  }

  size_t ExecCgroups();

  PodRef pod_;
  std::string main_;
};

TEST_F(StreamTest, ExecOverSpdyGivesOutputAndExitCode) {
  Spdy exec(ExecUrl("cat; echo end; exit 3"));
  exec.client->Send(exec.input, "some input\n", true);
  ASSERT_TRUE(exec.client->ReadUntilClosed());
  EXPECT_EQ(exec.Output(), "some input\nend\n");
  EXPECT_THAT(exec.Result(), HasSubstr(R"("message":"3","reason":"ExitCode")"));
}

TEST_F(StreamTest, ExecOverAWebSocketDoesToo) {
  const auto exec = ChannelClient::Connect(ExecUrl("cat; exit 0"), kV5);
  ASSERT_EQ(exec->protocol(), kV5);
  exec->Send(0, "some input\n");
  exec->SendRaw(std::string("\xff\0", 2));
  ASSERT_TRUE(exec->ReadUntilClosed());
  EXPECT_EQ(exec->data(1), "some input\n");
  EXPECT_EQ(exec->data(3), kSuccess);
}

TEST_F(StreamTest, ATerminalOfAnExecIsResized) {
  Spdy exec(ExecUrl("read line; stty size", true), true);
  exec.client->Send(exec.resize, R"({"Width":91,"Height":33})");
  exec.client->Send(exec.input, "go\n");
  ASSERT_TRUE(exec.client->ReadUntilClosed());
  EXPECT_THAT(exec.Output(), HasSubstr("33 91\r\n"));
  EXPECT_EQ(exec.Result(), kSuccess);
}

TEST_F(StreamTest, LargeOutputComesWhole) {
  Spdy exec(ExecUrl("head -c 30000000 /dev/zero | tr '\\0' x"));
  ASSERT_TRUE(exec.client->ReadUntilClosed());
  EXPECT_EQ(exec.Output().size(), 30000000u);
  EXPECT_EQ(exec.Output().find_first_not_of('x'), std::string::npos);
  EXPECT_EQ(exec.Result(), kSuccess);
}

TEST_F(StreamTest, AClientThatVanishesTakesItsExecAlongAndNothingElse) {
  Spdy exec(ExecUrl("echo here; sleep 4711"));
  ASSERT_TRUE(exec.ReadUntilOutput("here"));
  WaitFor("the exec to sleep", std::chrono::seconds(5), [] { return Runs("sleep 4711"); });
  exec.client->bytes().Drop(false);
  WaitFor("the exec to be gone", std::chrono::seconds(5), [] { return !Runs("sleep 4711"); });
  EXPECT_EQ(StatusOf(Main()).state(), cri::CONTAINER_RUNNING);
}

TEST_F(StreamTest, AttachTalksToTheContainerWhichLivesOn) {
  cri::ContainerConfig config = ContainerOf("cat", "while read line; do echo \"got $line\"; done; exit 4");
  config.set_stdin(true);
  const std::string id = Start(pod_, config);
  Spdy first(AttachUrl(id));
  first.client->Send(first.input, "one\n");
  ASSERT_TRUE(first.ReadUntilOutput("got one\n"));
  first.client->bytes().Drop(false);
  const auto second = ChannelClient::Connect(AttachUrl(id), kV5);
  second->Send(0, "two\n");
  while (second->data(1).find("got two\n") == std::string::npos) ASSERT_TRUE(second->ReadMessage());
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_RUNNING);
  ASSERT_EQ(Must(cri().StopContainer(id, 0)).ByteSizeLong(), 0u);
  EXPECT_TRUE(second->ReadUntilClosed());
  EXPECT_EQ(second->data(3), kSuccess);
  EXPECT_THAT(ReadFile(LogPath(pod_, "cat")), HasSubstr("stdout F got two"));
}

TEST_F(StreamTest, AClientThatVanishesWhileOutputFlowsTakesItsExecAlong) {
  for (const bool abruptly : {false, true}) {
    Spdy exec(ExecUrl("while :; do echo 4712 of output; done"));
    ASSERT_TRUE(exec.ReadUntilOutput("output"));
    exec.client->bytes().Drop(abruptly);
    WaitFor("the exec to be gone", std::chrono::seconds(5), [] { return !Runs("4712 of output"); });
  }
  EXPECT_EQ(StatusOf(Main()).state(), cri::CONTAINER_RUNNING);
}

TEST_F(StreamTest, ATerminalMayBeTypedToByWhoDoesNotLook) {
  cri::ExecRequest request = ExecOf(Main(), "head -c 1000000 /dev/zero; read line; exit 5");
  request.set_tty(true);
  request.set_stdout(false);
  const auto client = SpdyClient::Connect(Must(cri().Call(&Runtime::Exec, request)).url(), {"v4.channel.k8s.io"});
  const uint32_t result = client->OpenChannel("error");
  const uint32_t input = client->OpenChannel("stdin");
  client->OpenChannel("resize");
  client->Send(input, "go\n");
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_THAT(client->stream(result).data, HasSubstr("\"5\""));
}

TEST_F(StreamTest, WhoAttachesToATerminalTypesAndResizesIt) {
  cri::ContainerConfig config = ContainerOf("tty", "while read line; do echo \"$(stty size) $line\"; done");
  config.set_tty(true);
  config.set_stdin(true);
  const std::string id = Start(pod_, config);
  Spdy attach(AttachUrl(id, true), true);
  attach.client->Send(attach.resize, R"({"Width":77,"Height":22})");
  // The size travels apart from what is typed.
  WaitFor("the size", std::chrono::seconds(10), [&] {
    attach.client->Send(attach.input, "one\n");
    attach.client->ReadUntil([] { return false; }, std::chrono::milliseconds(100));
    return attach.Output().find("22 77 one\r\n") != std::string::npos;
  });
  attach.client->bytes().Drop(false);
  const auto second = ChannelClient::Connect(AttachUrl(id, true), kV5);
  second->Send(0, "two\n");
  while (second->data(1).find("22 77 two\r\n") == std::string::npos) ASSERT_TRUE(second->ReadMessage());
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_RUNNING);
}

TEST_F(StreamTest, StdinOnceEndsWithItsClient) {
  cri::ContainerConfig config = ContainerOf("once", "cat; exit 6");
  config.set_stdin(true);
  config.set_stdin_once(true);
  const std::string id = Start(pod_, config);
  Spdy attach(AttachUrl(id));
  attach.client->Send(attach.input, "all of it\n", true);
  ASSERT_TRUE(attach.client->ReadUntilClosed());
  EXPECT_EQ(attach.Output(), "all of it\n");
  EXPECT_EQ(attach.Result(), kSuccess);
  EXPECT_EQ(WaitForExit(id).exit_code(), 6);
}

TEST_F(StreamTest, ContainersOfAnEarlierDaemonAreEnteredAndAttachedTo) {
  cri::ContainerConfig config = ContainerOf("cat", "cat");
  config.set_stdin(true);
  const std::string id = Start(pod_, config);
  Spdy lost(AttachUrl(id));
  lost.client->Send(lost.input, "before\n");
  ASSERT_TRUE(lost.ReadUntilOutput("before\n"));
  Main();
  node().Restart();
  EXPECT_TRUE(lost.client->ReadUntilClosed());
  Spdy attach(AttachUrl(id));
  attach.client->Send(attach.input, "after\n");
  EXPECT_TRUE(attach.ReadUntilOutput("after\n"));
  EXPECT_EQ(attach.Output(), "after\n");
  Spdy exec(ExecUrl("cat; exit 3"));
  exec.client->Send(exec.input, "there\n", true);
  ASSERT_TRUE(exec.client->ReadUntilClosed());
  EXPECT_EQ(exec.Output(), "there\n");
}

TEST_F(StreamTest, ConnectionsReachAPortOfThePodOverBothProtocols) {
  Start(pod_, ContainerOf("web", "mkdir /tmp/w; echo a page > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"));
  const auto spdy = SpdyClient::Connect(ForwardUrl(), {"portforward.k8s.io"});
  WaitFor("httpd", std::chrono::seconds(10),
          [&] { return AskPage(spdy.get(), 8080).find("a page") != std::string::npos; });
  EXPECT_THAT(AskPage(spdy.get(), 8081), HasSubstr("refused"));
  EXPECT_THAT(AskPage(spdy.get(), 8080), HasSubstr("a page")) << "one that could not be made has ended the session";
  SpdyClient tunnel(ConnectTunnel(ForwardUrl()));
  EXPECT_THAT(AskPage(&tunnel, 8080), HasSubstr("a page"));
}

TEST_F(StreamTest, OfAPodOnTheNodesNetworkThePortIsTheNodes) {
  const auto on_the_node = [](auto* linux) {
    linux->mutable_security_context()->mutable_namespace_options()->set_network(cri::NODE);
  };
  cri::PodSandboxConfig config = PodConfig("node");
  config.clear_hostname();
  on_the_node(config.mutable_linux());
  const PodRef pod = RunPod(config);
  cri::ContainerConfig web =
      ContainerOf("web", "mkdir /tmp/w; echo a page > /tmp/w/index.html; exec httpd -f -p 127.0.0.1:8090 -h /tmp/w");
  on_the_node(web.mutable_linux());
  Start(pod, web);
  const auto spdy = SpdyClient::Connect(ForwardUrl(pod), {"portforward.k8s.io"});
  WaitFor("httpd", std::chrono::seconds(10),
          [&] { return AskPage(spdy.get(), 8090).find("a page") != std::string::npos; });
}

TEST_F(StreamTest, WhatCannotBeIsSaidBeforeThereIsAUrl) {
  const auto code_of = [this](const cri::ExecRequest& request) { return cri().Call(&Runtime::Exec, request).code(); };
  cri::ExecRequest request = ExecOf(Main(), "true");
  request.set_tty(true);
  request.set_stderr(true);
  EXPECT_EQ(code_of(request), grpc::StatusCode::INVALID_ARGUMENT);
  request = ExecOf(Main(), "true");
  request.set_stdin(false);
  request.set_stdout(false);
  EXPECT_EQ(code_of(request), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_stdout(true);
  request.clear_cmd();
  EXPECT_EQ(code_of(request), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(code_of(ExecOf("0123456789", "true")), grpc::StatusCode::NOT_FOUND);
  const std::string ended = Create(pod_, ContainerOf("ended", "true"));
  EXPECT_EQ(code_of(ExecOf(ended, "true")), grpc::StatusCode::FAILED_PRECONDITION);
  cri::AttachRequest attach;
  attach.set_container_id(Main());
  EXPECT_EQ(cri().Call(&Runtime::Attach, attach).code(), grpc::StatusCode::INVALID_ARGUMENT);
  cri::PortForwardRequest forward;
  forward.set_pod_sandbox_id("0123456789");
  EXPECT_EQ(cri().Call(&Runtime::PortForward, forward).code(), grpc::StatusCode::NOT_FOUND);
  forward.set_pod_sandbox_id(pod_.id);
  forward.add_port(0);
  EXPECT_EQ(cri().Call(&Runtime::PortForward, forward).code(), grpc::StatusCode::INVALID_ARGUMENT);
  forward.clear_port();
  Must(cri().StopPod(pod_.id));
  EXPECT_EQ(cri().Call(&Runtime::PortForward, forward).code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(StreamTest, AnExecOfAProgramThatIsNotThereSaysSo) {
  cri::ExecRequest request = ExecOf(Main(), "");
  request.clear_cmd();
  request.add_cmd("/no/such/program");
  Spdy exec(Must(cri().Call(&Runtime::Exec, request)).url());
  ASSERT_TRUE(exec.client->ReadUntilClosed());
  EXPECT_THAT(exec.Result(), HasSubstr("\"Failure\""));
}

class TlsStreamTest : public StreamTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.cri_toml = "enable_tls_streaming = true\n";
    return options;
  }
};

// In KiB, of /proc/PID/smaps_rollup: what is nobody else's. The share in pages of programs and libraries grows whenever
// another test ends.
int64_t Memory(pid_t pid) {
  for (const std::string& line : Lines(ReadFile("/proc/" + std::to_string(pid) + "/smaps_rollup"))) {
    if (line.rfind("Pss_Anon:", 0) == 0) return std::stoll(line.substr(9));
  }
  return 0;
}

size_t Entries(pid_t pid, const std::string& directory) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/" + directory)) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

// Those that execs make below their containers'.
size_t StreamTest::ExecCgroups() {
  const Snapshot now = TakeSnapshot({node().root(), node().state(), node().cgroup_parent(), {node().pid()}});
  size_t count = 0;
  for (const std::string& path : now.seen.at("cgroup")) count += path.find("/exec-") != std::string::npos ? 1 : 0;
  return count;
}

// A tenth of ten thousand execs and a thousand attaches, a third of whose clients vanish in the middle.
TEST_F(StreamTest, NothingGrowsInDaemonOrShim) {
  cri::ContainerConfig config = ContainerOf("cat", "cat");
  config.set_stdin(true);
  const std::string attached = Start(pod_, config);
  Main();
  const auto round = [&](int count) {
    std::atomic<int> next = 0;
    std::vector<std::thread> clients;
    for (int t = 0; t < 4; ++t) {
      clients.emplace_back([&] {
        for (int i = next++; i < count; i = next++) {
          if (i % 11 == 10) {
            Spdy attach(AttachUrl(attached));
            attach.client->Send(attach.input, "x\n");
            attach.ReadUntilOutput("x");
            attach.client->bytes().Drop(i % 2 == 0);
            continue;
          }
          if (i % 7 == 6) {
            const auto terminal = ChannelClient::Connect(ExecUrl("read line; sleep 1000", true), kV5);
            terminal->Send(4, R"({"Width":80,"Height":24})");
            if (i % 2 == 0) terminal->Send(0, "\n");
            terminal->Drop();
            continue;
          }
          if (i % 13 == 12) {
            const auto forward = SpdyClient::Connect(ForwardUrl(), {"portforward.k8s.io"});
            for (const char* type : {"error", "data"}) {
              forward->Open({{"streamtype", type}, {"port", "8080"}, {"requestid", "1"}});
            }
            forward->bytes().Drop(i % 2 == 0);
            continue;
          }
          const bool terminal = i % 5 == 4;
          Spdy exec(ExecUrl("read line; exit 1", terminal), terminal);
          if (i % 3 == 0) {
            if (i % 2 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
            exec.client->bytes().Drop(i % 4 == 0);
            continue;
          }
          exec.client->Send(exec.input, "\n");
          EXPECT_TRUE(exec.client->ReadUntilClosed());
          EXPECT_THAT(exec.Result(), HasSubstr("\"1\""));
        }
      });
    }
    for (auto& client : clients) client.join();
  };
  const pid_t daemon = node().pid();
  const pid_t shim = PidByCommand("crisp-shim");
  const auto settled = [&](size_t daemon_fds, size_t shim_fds, size_t threads) {
    return Eventually(std::chrono::seconds(20), [&] {
      return Entries(daemon, "fd") <= daemon_fds && Entries(shim, "fd") <= shim_fds &&
             Entries(daemon, "task") <= threads;
    });
  };
  const size_t daemon_fds = Entries(daemon, "fd"), shim_fds = Entries(shim, "fd");
  round(100);
  EXPECT_TRUE(settled(daemon_fds + 4, shim_fds, 40))
      << Entries(daemon, "fd") << " of " << daemon_fds << ", " << Entries(shim, "fd") << " of " << shim_fds;
  const size_t threads = Entries(daemon, "task");
  const int64_t daemon_memory = Memory(daemon), shim_memory = Memory(shim);
  round(1000);
  EXPECT_TRUE(settled(daemon_fds + 4, shim_fds, threads + 4))
      << Entries(daemon, "fd") << " of " << daemon_fds << ", " << Entries(shim, "fd") << " of " << shim_fds << ", "
      << Entries(daemon, "task") << " of " << threads;
  EXPECT_TRUE(Eventually(std::chrono::seconds(5), [&] { return ExecCgroups() == 0; })) << ExecCgroups();
  EXPECT_LT(Memory(daemon), daemon_memory + (2 << 10));
  EXPECT_LT(Memory(shim), shim_memory + 64);
}

TEST_F(TlsStreamTest, ExecRunsOverTlsWhereTheConfigurationSaysSo) {
  const std::string url = ExecUrl("echo hello");
  EXPECT_EQ(url.substr(0, 8), "https://");
  Spdy exec(url);
  ASSERT_TRUE(exec.client->ReadUntilClosed());
  EXPECT_EQ(exec.Output(), "hello\n");
}

}  // namespace
}  // namespace crisp::e2e
