// Exec, attach and port-forward, as the kubelet passes them through: over SPDY/3.1 and over WebSockets.
#include "e2e/stream_fixture.h"

namespace crisp::e2e {
namespace {

// What httpd at the port answers, or why it does not.
std::string AskPage(SpdyClient* client, int port) {
  static int requests = 0;
  const std::string id = std::to_string(++requests);
  const uint32_t error = client->Open({{"streamtype", "error"}, {"port", std::to_string(port)}, {"requestid", id}});
  const uint32_t data = client->Open({{"streamtype", "data"}, {"port", std::to_string(port)}, {"requestid", id}});
  client->Send(data, "GET /index.html HTTP/1.0\r\n\r\n", true);
  client->ReadUntil([&] { return client->stream(data).ended || client->stream(data).reset != 0; });
  client->ReadUntil([&] { return client->stream(error).ended; });
  return client->stream(data).data + client->stream(error).data;
}

TEST_F(StreamTest, ExecOverSpdyGivesOutputAndExitCode) {
  Spdy exec(ExecUrl("cat; echo end; exit 3"));
  exec.client->Send(exec.input, "some input\n", true);
  ASSERT_TRUE(exec.client->ReadUntilClosed());
  EXPECT_EQ(exec.Output(), "some input\nend\n");
  EXPECT_THAT(exec.Result(), HasSubstr(R"("message":"3","reason":"ExitCode")"));
}

TEST_F(StreamTest, ExecOverAWebSocketGivesOutputAndExitCode) {
  const auto exec = ChannelClient::Connect(ExecUrl("cat; exit 0"), kV5);
  ASSERT_EQ(exec->protocol(), kV5);
  exec->Send(0, "some input\n");
  exec->SendRaw(std::string("\xff\0", 2));
  ASSERT_TRUE(exec->ReadUntilClosed());
  EXPECT_EQ(exec->data(1), "some input\n");
  EXPECT_EQ(exec->data(3), kSuccess);
}

// As the consoles and client libraries that speak base64 do.
TEST_F(StreamTest, ExecOverAWebSocketInBase64GivesOutputAndResult) {
  for (const std::string protocol : {"base64.channel.k8s.io", "v4.base64.channel.k8s.io"}) {
    const auto exec = ChannelClient::Connect(ExecUrl("read line; echo \"got $line\"; exit 0"), protocol);
    ASSERT_EQ(exec->protocol(), protocol);
    exec->Send(0, "it\n");
    ASSERT_TRUE(exec->ReadUntilClosed());
    EXPECT_EQ(exec->data(1), "got it\n");
    EXPECT_EQ(exec->data(3), protocol[0] == 'v' ? kSuccess : "");
    EXPECT_EQ(exec->binaries(), 0);
  }
}

TEST_F(StreamTest, ATerminalOfAnExecIsResized) {
  Spdy exec(ExecUrl("read line; stty size", true), true);
  exec.client->Send(exec.resize, R"({"Width":91,"Height":33})");
  exec.client->Send(exec.input, "go\n");
  ASSERT_TRUE(exec.client->ReadUntilClosed());
  EXPECT_THAT(exec.Output(), HasSubstr("33 91\r\n"));
  EXPECT_EQ(exec.Result(), kSuccess);
}

TEST_F(StreamTest, LargeOutputArrivesComplete) {
  Spdy exec(ExecUrl("head -c 30000000 /dev/zero | tr '\\0' x"));
  ASSERT_TRUE(exec.client->ReadUntilClosed());
  EXPECT_EQ(exec.Output().size(), 30000000u);
  EXPECT_EQ(exec.Output().find_first_not_of('x'), std::string::npos);
  EXPECT_EQ(exec.Result(), kSuccess);
}

TEST_F(StreamTest, TheExecOfAClientThatVanishesIsKilledAndNothingElse) {
  Spdy exec(ExecUrl("echo here; sleep 4711"));
  ASSERT_TRUE(exec.ReadUntilOutput("here"));
  WaitFor("the exec to sleep", std::chrono::seconds(5), [] { return Runs("sleep 4711"); });
  exec.client->bytes().Drop(false);
  WaitFor("the exec to be gone", std::chrono::seconds(5), [] { return !Runs("sleep 4711"); });
  EXPECT_EQ(StatusOf(Main()).state(), cri::CONTAINER_RUNNING);
}

TEST_F(StreamTest, AttachTalksToTheContainerWhichKeepsRunning) {
  cri::ContainerConfig config = ContainerOf("cat", "while read line; do echo \"got $line\"; done; exit 4");
  config.set_stdin(true);
  const std::string id = Start(pod(), config);
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
  EXPECT_THAT(ReadFile(pod().LogPath("cat")), HasSubstr("stdout F got two"));
}

TEST_F(StreamTest, TheExecOfAClientThatVanishesWhileOutputFlowsIsKilled) {
  for (const bool abruptly : {false, true}) {
    Spdy exec(ExecUrl("while :; do echo 4712 of output; done"));
    ASSERT_TRUE(exec.ReadUntilOutput("output"));
    exec.client->bytes().Drop(abruptly);
    WaitFor("the exec to be gone", std::chrono::seconds(5), [] { return !Runs("4712 of output"); });
  }
  EXPECT_EQ(StatusOf(Main()).state(), cri::CONTAINER_RUNNING);
}

TEST_F(StreamTest, ATerminalMayHaveInputWithoutOutput) {
  cri::ExecRequest request = ExecOf(Main(), "head -c 1000000 /dev/zero; read line; exit 5");
  request.set_tty(true);
  request.set_stdout(false);
  const auto client = SpdyClient::Connect(UrlOf(request), {"v4.channel.k8s.io"});
  const uint32_t result = client->OpenChannel("error");
  const uint32_t input = client->OpenChannel("stdin");
  client->OpenChannel("resize");
  client->Send(input, "go\n");
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_THAT(client->stream(result).data, HasSubstr("\"5\""));
}

TEST_F(StreamTest, AttachToATerminalTypesAndResizes) {
  cri::ContainerConfig config = ContainerOf("tty", "while read line; do echo \"$(stty size) $line\"; done");
  config.set_tty(true);
  config.set_stdin(true);
  const std::string id = Start(pod(), config);
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
  const std::string id = Start(pod(), config);
  Spdy attach(AttachUrl(id));
  attach.client->Send(attach.input, "all of it\n", true);
  ASSERT_TRUE(attach.client->ReadUntilClosed());
  EXPECT_EQ(attach.Output(), "all of it\n");
  EXPECT_EQ(attach.Result(), kSuccess);
  EXPECT_EQ(WaitForExit(id).exit_code(), 6);
}

TEST_F(StreamTest, ExecAndAttachReachContainersOfAnEarlierDaemon) {
  cri::ContainerConfig config = ContainerOf("cat", "cat");
  config.set_stdin(true);
  const std::string id = Start(pod(), config);
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

TEST_F(StreamTest, PortForwardReachesAPortOfThePodOverBothProtocols) {
  Start(pod(), ContainerOf("web", "mkdir /tmp/w; echo a page > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"));
  const auto spdy = SpdyClient::Connect(ForwardUrl(pod()), {kPortForward});
  WaitFor("httpd", std::chrono::seconds(10),
          [&] { return AskPage(spdy.get(), 8080).find("a page") != std::string::npos; });
  EXPECT_THAT(AskPage(spdy.get(), 8081), HasSubstr("refused"));
  EXPECT_THAT(AskPage(spdy.get(), 8080), HasSubstr("a page"))
      << "the connection that could not be made has ended the session";
  SpdyClient tunnel(ConnectTunnel(ForwardUrl(pod())));
  EXPECT_THAT(AskPage(&tunnel, 8080), HasSubstr("a page"));
}

TEST_F(StreamTest, PortForwardOverTheChannelsOfAWebSocketReachesPortsOfTheCallAndOfTheQuery) {
  Start(pod(), ContainerOf("web", "mkdir /tmp/w; echo a page > /tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"));
  const std::string number = "\x90\x1f";  // 8080
  const auto ask = [&](const std::string& url, const std::string& protocol) {
    const auto client = ChannelClient::Connect(url, protocol);
    client->Send(0, "GET /index.html HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(client->ReadUntilClosed()) << protocol;
    EXPECT_EQ(client->data(0).substr(0, 2), number);
    EXPECT_EQ(client->data(1).substr(0, 2), number);
    return client->data(0).substr(2) + client->data(1).substr(2);
  };
  WaitFor("httpd", std::chrono::seconds(10),
          [&] { return ask(ForwardUrl(pod(), {8080}), "v4.channel.k8s.io").find("a page") != std::string::npos; });
  for (const std::string protocol : {"v4.channel.k8s.io", "v4.base64.channel.k8s.io", ""}) {
    EXPECT_THAT(ask(ForwardUrl(pod(), {8080}), protocol), HasSubstr("a page"));
    EXPECT_THAT(ask(ForwardUrl(pod()) + "?port=8080", protocol), HasSubstr("a page"));
  }
  const auto refused = ChannelClient::Connect(ForwardUrl(pod(), {8081}), "v4.channel.k8s.io");
  EXPECT_TRUE(refused->ReadUntilClosed());
  EXPECT_THAT(refused->data(1), HasSubstr("refused"));
}

TEST_F(StreamTest, PortForwardToAHostNetworkPodReachesTheHost) {
  cri::PodSandboxConfig config = PodConfig("node");
  UseHostNetwork(config);
  const PodRef pod = RunPod(config);
  cri::ContainerConfig web =
      ContainerOf("web", "mkdir /tmp/w; echo a page > /tmp/w/index.html; exec httpd -f -p 127.0.0.1:8090 -h /tmp/w");
  UseHostNetwork(web);
  Start(pod, web);
  const auto spdy = SpdyClient::Connect(ForwardUrl(pod), {kPortForward});
  WaitFor("httpd", std::chrono::seconds(10),
          [&] { return AskPage(spdy.get(), 8090).find("a page") != std::string::npos; });
}

TEST_F(StreamTest, InvalidRequestsFailBeforeThereIsAUrl) {
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
  const std::string ended = Create(pod(), ContainerOf("ended", "true"));
  EXPECT_EQ(code_of(ExecOf(ended, "true")), grpc::StatusCode::FAILED_PRECONDITION);
  cri::AttachRequest attach;
  attach.set_container_id(Main());
  EXPECT_EQ(cri().Call(&Runtime::Attach, attach).code(), grpc::StatusCode::INVALID_ARGUMENT);
  cri::PortForwardRequest forward;
  forward.set_pod_sandbox_id("0123456789");
  EXPECT_EQ(cri().Call(&Runtime::PortForward, forward).code(), grpc::StatusCode::NOT_FOUND);
  forward.set_pod_sandbox_id(pod().id);
  forward.add_port(0);
  EXPECT_EQ(cri().Call(&Runtime::PortForward, forward).code(), grpc::StatusCode::INVALID_ARGUMENT);
  forward.clear_port();
  Must(cri().StopPod(pod().id));
  EXPECT_EQ(cri().Call(&Runtime::PortForward, forward).code(), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(StreamTest, AnExecOfAMissingProgramIsAFailure) {
  cri::ExecRequest request = ExecOf(Main(), "");
  request.clear_cmd();
  request.add_cmd("/no/such/program");
  Spdy exec(UrlOf(request));
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

TEST_F(TlsStreamTest, ExecRunsOverTlsWhereTheConfigurationSaysSo) {
  const std::string url = ExecUrl("echo hello");
  EXPECT_EQ(url.substr(0, 8), "https://");
  Spdy exec(url);
  ASSERT_TRUE(exec.client->ReadUntilClosed());
  EXPECT_EQ(exec.Output(), "hello\n");
}

}  // namespace
}  // namespace crisp::e2e
