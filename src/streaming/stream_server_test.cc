#include "streaming/stream_server.h"

#include <gmock/gmock.h>
#include <linux/filter.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <fstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "os/file.h"
#include "streaming/testing/stream_test.h"

namespace crisp {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using StreamServerTest = StreamTest;

const std::vector<std::string> kV4 = {"v4.channel.k8s.io"};

int OpenDescriptors() {
  return static_cast<int>(ListDir("/proc/self/fd")->size());
}

int Threads() {
  return static_cast<int>(ListDir("/proc/self/task")->size());
}

TEST_F(StreamServerTest, ATokenOpensOneStreamOnly) {
  const StreamRequest request = Command({"echo", "once"});
  const std::string url = ExecUrl(request);
  SpdyExec first(url, request);
  ASSERT_TRUE(first.Finish());
  EXPECT_EQ(first.Output(), "once\n");
  EXPECT_THAT(Ask(url, SpdyRequest(url, kV4)), StartsWith("HTTP/1.1 404 "));
  EXPECT_EQ(target_.opened(), 1);
  EXPECT_EQ(server_->counters().refused_tokens.value(), 1u);
}

TEST_F(StreamServerTest, ATokenIsUsedUpByABadRequestToo) {
  const std::string url = ExecUrl(Command({"true"}));
  const std::string path = SplitUrl(url).path;
  EXPECT_THAT(Ask(url, absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: x\r\n\r\n")), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask(url, SpdyRequest(url, kV4)), StartsWith("HTTP/1.1 404 "));
}

TEST_F(StreamServerTest, ATokenIsGoneAfterAMinute) {
  std::atomic<std::chrono::nanoseconds> passed{std::chrono::nanoseconds(0)};
  StreamServerOptions options;
  options.now = [&] { return MonoClock::now() + passed.load(); };
  StartServer(options);
  const std::string old = ExecUrl(Command({"true"}));
  passed = std::chrono::seconds(59);
  const std::string young = ExecUrl(Command({"true"}));
  passed = std::chrono::seconds(61);
  EXPECT_THAT(Ask(old, SpdyRequest(old, kV4)), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(SpdyClient::Connect(young, kV4)->answer(), StartsWith("HTTP/1.1 101 "));
  server_ = nullptr;
}

TEST_F(StreamServerTest, ATokenIsForItsOwnKindOfStream) {
  std::string url = ExecUrl(Command({"true"}));
  url.replace(url.find("/exec/"), 6, "/attach/");
  EXPECT_THAT(Ask(url, SpdyRequest(url, kV4)), StartsWith("HTTP/1.1 404 "));
}

TEST_F(StreamServerTest, ATokenIsAHundredAndTwentyEightBits) {
  const std::string url = ExecUrl(Command({"true"}));
  const std::string token = url.substr(url.rfind('/') + 1);
  EXPECT_EQ(token.size(), 22u);
  EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
  EXPECT_NE(url, ExecUrl(Command({"true"})));
}

TEST_F(StreamServerTest, TooManyUnusedTokensAreRefusedUntilSomeAreGone) {
  std::atomic<std::chrono::nanoseconds> passed{std::chrono::nanoseconds(0)};
  StreamServerOptions options;
  options.now = [&] { return MonoClock::now() + passed.load(); };
  StartServer(options);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(server_->PortForwardUrl("p").ok());
  EXPECT_EQ(server_->ExecUrl(Command({"true"})).status().code(), absl::StatusCode::kResourceExhausted);
  passed = std::chrono::seconds(61);
  EXPECT_TRUE(server_->ExecUrl(Command({"true"})).ok());
}

TEST_F(StreamServerTest, WhatIsNoRequestForAStreamIsRefused) {
  const std::string url = ExecUrl(Command({"true"}));
  EXPECT_THAT(Ask(url, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask(url, "GET /exec/guess HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask(url, "GET /exec/ HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask(url, absl::StrCat("DELETE ", SplitUrl(url).path, " HTTP/1.1\r\nHost: x\r\n\r\n")),
              StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(Ask(url, "\x16\x03\x01\x02 not http at all\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask(url, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(Ask(url, "GET /" + std::string(20000, 'x')), StartsWith("HTTP/1.1 400 "));
}

TEST_F(StreamServerTest, AClientWithoutACommonProtocolHearsWhichThereAre) {
  const std::string url = ExecUrl(Command({"true"}));
  const std::string answer = Ask(url, SpdyRequest(url, {"v9.channel.k8s.io"}));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 403 "));
  EXPECT_THAT(answer, HasSubstr("X-Accepted-Stream-Protocol-Versions: v4.channel.k8s.io\r\n"));
}

TEST_F(StreamServerTest, TheClientsFirstProtocolThatIsKnownIsTaken) {
  const StreamRequest request = Command({"true"});
  const auto client =
      SpdyClient::Connect(ExecUrl(request), {"v5.channel.k8s.io", "v3.channel.k8s.io, v4.channel.k8s.io"});
  EXPECT_THAT(client->answer(), HasSubstr("X-Stream-Protocol-Version: v3.channel.k8s.io\r\n"));
}

TEST_F(StreamServerTest, FramesMaySitInTheSamePacketAsTheRequest) {
  const StreamRequest request = Command({"echo", "early"});
  const std::string url = ExecUrl(request);
  auto bytes = ConnectBytes(SplitUrl(url));
  SpdyHeaderDeflater deflater;
  std::string all = SpdyRequest(url, kV4);
  all += EncodeSynStream(1, 0, deflater.Write({{"streamtype", "error"}}));
  all += EncodeSynStream(3, 0, deflater.Write({{"streamtype", "stdout"}}));
  bytes->Write(all);
  std::string answer;
  while (answer.find("early\n") == std::string::npos) {
    const std::string more = bytes->Read(std::chrono::seconds(5));
    ASSERT_FALSE(more.empty());
    answer += more;
  }
}

TEST_F(StreamServerTest, GarbageInPlaceOfFramesEndsTheSession) {
  for (const std::string& garbage :
       {std::string(100, '\xff'), EncodeSpdyControl(SpdyType::kSynStream, 0, "short"),
        EncodeSynStream(1, 0, "this is not deflated"), std::string("\x80\x03\x00\x01\x00\xff\xff\xff", 8),
        std::string("\x80\x02\x00\x06\x00\x00\x00\x04\x00\x00\x00\x01", 12), std::string(8, '\0')}) {
    StreamRequest request = Command({"sleep", "1000"});
    SpdyExec exec(ExecUrl(request), request);
    ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
    exec.client->Raw(garbage);
    EXPECT_TRUE(exec.client->ReadUntilClosed(std::chrono::seconds(5)));
    EXPECT_EQ(exec.client->goaway_reason(), static_cast<uint32_t>(SpdyGoodbye::kProtocolError));
    EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(3)));
  }
}

TEST_F(StreamServerTest, AHeaderBombEndsTheSession) {
  const StreamRequest request = Command({"sleep", "1000"});
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
  exec.client->Open({{"streamtype", std::string(10 << 20, 'x')}});
  EXPECT_TRUE(exec.client->ReadUntilClosed(std::chrono::seconds(5)));
  EXPECT_TRUE(exec.client->goaway());
}

TEST_F(StreamServerTest, AConnectionWithoutARequestIsClosed) {
  StreamServerOptions options;
  options.request_patience = std::chrono::milliseconds(300);
  StartServer(options);
  const std::string url = ExecUrl(Command({"true"}));
  const auto start = MonoClock::now();
  EXPECT_EQ(Ask(url, "GET /exec/ HTTP/1.1\r\n"), "");
  EXPECT_LT(MonoClock::now() - start, std::chrono::seconds(5));
}

TEST_F(StreamServerTest, WhoIsRefusedIsLetGoHoweverMuchItSays) {
  StreamServerOptions options;
  options.request_patience = std::chrono::milliseconds(500);
  StartServer(options);
  const auto client = ConnectBytes(SplitUrl(ExecUrl(Command({"true"}))));
  client->Write("GET /exec/guess HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client->Read(std::chrono::seconds(5)), StartsWith("HTTP/1.1 404 "));
  const int before = OpenDescriptors();
  const auto let_go = [&] {
    client->Write("x");
    return OpenDescriptors() < before;
  };
  EXPECT_TRUE(Eventually(let_go, std::chrono::seconds(5)));
}

TEST_F(StreamServerTest, WhoHasNoTokenTakesNoPlaceOfThoseThatHave) {
  StreamServerOptions options;
  options.request_patience = std::chrono::seconds(60);
  StartServer(options);
  rlimit files{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
  const std::string url = ExecUrl(request);
  std::vector<std::unique_ptr<ClientBytes>> strangers;
  const auto closed = [](ClientBytes& one) {
    const auto begin = MonoClock::now();
    return one.Read(std::chrono::seconds(2)).empty() && MonoClock::now() - begin < std::chrono::seconds(1);
  };
  for (size_t i = 0; i < StreamServer::kMostStrangers; ++i) strangers.push_back(ConnectBytes(SplitUrl(url)));
  EXPECT_FALSE(closed(*strangers.front()));
  const auto late = ConnectBytes(SplitUrl(url));
  EXPECT_TRUE(closed(*strangers.front())) << "the oldest makes room";
  EXPECT_FALSE(closed(*strangers.back()));
  const StreamRequest echo = Command({"echo", "served"});
  for (int i = 0; i < 20; ++i) {
    SpdyExec served(ExecUrl(echo), echo);
    ASSERT_TRUE(served.Finish());
    EXPECT_EQ(served.Output(), "served\n");
  }
  EXPECT_FALSE(closed(*late));
  exec.client->Send(exec.input, "still here", true);
  ASSERT_TRUE(exec.Finish());
  EXPECT_EQ(exec.Output(), "still here");
  strangers.clear();
  EXPECT_TRUE(Eventually([&] { return absl::StartsWith(SpdyClient::Connect(url, kV4)->answer(), "HTTP/1.1 101 "); }));
}

// The server asks the kernel each second whether the client is there; that is no activity.
TEST_F(StreamServerTest, AnIdleSessionIsClosedAlsoIfItsInputIsStuck) {
  StreamServerOptions options;
  options.idle_timeout = std::chrono::milliseconds(2500);
  StartServer(options);
  StreamRequest request = Command({"sleep", "1000"});
  request.streams.input = true;
  const std::string input(64 << 10, 'x');
  SpdyExec exec(ExecUrl(request), request);
  const auto web_socket = ChannelClient::Connect(ExecUrl(request), "v5.channel.k8s.io");
  for (int i = 0; i < 24; ++i) {
    exec.client->Send(exec.input, input);
    web_socket->Send(0, input);
  }
  EXPECT_TRUE(Eventually([&] { return target_.live() == 2; }));
  EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(8))) << target_.live();
}

TEST_F(StreamServerTest, AnIdleSessionIsClosedAndABusyOneIsNot) {
  StreamServerOptions options;
  options.idle_timeout = std::chrono::milliseconds(500);
  StartServer(options);
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  SpdyExec exec(ExecUrl(request), request);
  for (int i = 0; i < 15; ++i) {
    exec.client->Send(exec.input, "x");
    ASSERT_TRUE(exec.client->ReadOnce(std::chrono::milliseconds(400)));
    LetTimePass(std::chrono::milliseconds(100));  // all in all longer than the idle time-out
  }
  EXPECT_EQ(target_.live(), 1);
  EXPECT_TRUE(exec.client->ReadUntilClosed(std::chrono::seconds(3)));
  EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(3)));
}

// A filter that lets nothing in: no acknowledgement goes out either, and no reset, as from a machine without power.
void LosePower(ClientBytes& client) {
  sock_filter nothing = {BPF_RET | BPF_K, 0, 0, 0};
  const sock_fprog program = {1, &nothing};
  ASSERT_EQ(setsockopt(client.socket(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)), 0);
}

TEST_F(StreamServerTest, AClientWhoseMachineIsGoneIsLetGoWhileOutputFlows) {
  StreamServerOptions options;
  options.silence = std::chrono::seconds(1);
  StartServer(options);
  const StreamRequest request = Shell("while :; do echo of output; sleep 0.01; done");
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
  ASSERT_TRUE(exec.client->ReadOnce(std::chrono::seconds(5)));
  LosePower(exec.client->bytes());
  EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(5)));
}

TEST_F(StreamServerTest, AClientThatDoesNotReadIsNotTakenForGone) {
  StreamServerOptions options;
  options.silence = std::chrono::milliseconds(500);
  StartServer(options);
  const StreamRequest request = Shell("yes");
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(exec.client->ReadOnce(std::chrono::seconds(5)));
  ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
  EXPECT_TRUE(Throughout(std::chrono::seconds(4), [&] { return target_.live() == 1; }));
}

TEST_F(StreamServerTest, OverTlsWithACertificateOfItsOwn) {
  StreamServerOptions options;
  options.tls = true;
  StartServer(options);
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  const std::string url = ExecUrl(request);
  EXPECT_THAT(url, StartsWith("https://127.0.0.1:"));
  SpdyExec exec(url, request);
  const std::string data(100 << 10, 'x');
  exec.client->Send(exec.input, data, true);
  ASSERT_TRUE(exec.Finish());
  EXPECT_TRUE(exec.Output() == data);
  EXPECT_EQ(exec.Result(), kSuccess);
}

TEST_F(StreamServerTest, PlainBytesToAServerOfTlsAreRefused) {
  StreamServerOptions options;
  options.tls = true;
  StartServer(options);
  std::string url = ExecUrl(Command({"true"}));
  url.erase(4, 1);
  EXPECT_THAT(Ask(url, SpdyRequest(url, kV4)), testing::Not(HasSubstr("101")));
}

TEST_F(StreamServerTest, ACertificateThatCannotBeReadIsAnErrorThatNamesIt) {
  StreamServerOptions options;
  options.tls = true;
  options.certificate_file = "/nowhere/cert.pem";
  EXPECT_EQ(StreamServer::Start(options, &target_).status().code(), absl::StatusCode::kInvalidArgument);
  options.key_file = "/nowhere/key.pem";
  EXPECT_THAT(std::string(StreamServer::Start(options, &target_).status().message()), HasSubstr("/nowhere/cert.pem"));
}

TEST_F(StreamServerTest, AnAddressOrPortThatCannotBeIsAnError) {
  StreamServerOptions options;
  options.address = "not an address";
  EXPECT_EQ(StreamServer::Start(options, &target_).status().code(), absl::StatusCode::kInvalidArgument);
  options.address = "127.0.0.1";
  options.port = "70000";
  EXPECT_EQ(StreamServer::Start(options, &target_).status().code(), absl::StatusCode::kInvalidArgument);
  const std::string url = ExecUrl(Command({"true"}));
  options.port = absl::StrCat(SplitUrl(url).port);
  const absl::Status taken = StreamServer::Start(options, &target_).status();
  EXPECT_EQ(taken.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(taken.message()), HasSubstr(options.port));
}

TEST_F(StreamServerTest, AWildcardIsReachedByLoopback) {
  StreamServerOptions options;
  options.address = "0.0.0.0";
  StartServer(options);
  const StreamRequest request = Command({"echo", "hi"});
  const std::string url = ExecUrl(request);
  EXPECT_THAT(url, StartsWith("http://127.0.0.1:"));
  SpdyExec exec(url, request);
  ASSERT_TRUE(exec.Finish());
  options.address = "::";
  StartServer(options);
  EXPECT_THAT(ExecUrl(request), StartsWith("http://[::1]:"));
}

TEST_F(StreamServerTest, EndingItEndsEverySession) {
  std::vector<std::unique_ptr<SpdyExec>> execs;
  const StreamRequest request = Command({"sleep", "1000"});
  for (int i = 0; i < 10; ++i) execs.push_back(std::make_unique<SpdyExec>(ExecUrl(request), request));
  ASSERT_TRUE(Eventually([&] { return target_.live() == 10; }));
  server_ = nullptr;
  EXPECT_EQ(target_.live(), 0);
}

TEST_F(StreamServerTest, EndingItWhileProcessesStartLeavesNone) {
  for (int i = 0; i < 30; ++i) {
    StartServer();
    const StreamRequest request = Command({"sleep", "1000"});
    std::vector<std::unique_ptr<SpdyExec>> execs;
    for (int k = 0; k < 5; ++k) execs.push_back(std::make_unique<SpdyExec>(ExecUrl(request), request));
    execs[0]->client->bytes().Drop(true);
    LetTimePass(std::chrono::milliseconds(i % 5));  // the end meets the starts at another moment each time
    server_ = nullptr;
    ASSERT_EQ(target_.live(), 0);
  }
}

// A tenth of what a node does in a busy hour; a third of the clients vanish in the middle.
TEST_F(StreamServerTest, NothingGrowsOverAThousandSessions) {
  target_.AddContainer("c1", {"cat"});
  const auto round = [&](int count) {
    for (int i = 0; i < count; ++i) {
      StreamRequest request = Command({"cat"});
      request.streams.input = true;
      const std::string url = i % 10 == 0 ? *server_->AttachUrl(request) : ExecUrl(request);
      if (i % 4 == 3) {
        const auto client = ChannelClient::Connect(url, "v5.channel.k8s.io");
        client->Send(0, "x");
        if (i % 3 == 0) {
          client->Drop();
          continue;
        }
        client->SendRaw(std::string("\xff\x00", 2));
        ASSERT_TRUE(client->ReadUntilClosed());
        continue;
      }
      SpdyExec exec(url, request);
      exec.client->Send(exec.input, "x");
      if (i % 3 == 0) {
        const bool waits = i % 2 == 0;
        ASSERT_TRUE(!waits || exec.client->ReadUntil([&] { return exec.Output() == "x"; }));
        exec.client->bytes().Drop(i % 4 == 0);
        continue;
      }
      exec.client->End(exec.input);
      ASSERT_TRUE(exec.Finish());
    }
    ASSERT_TRUE(Eventually([&] { return target_.live() == 0; }));
  };
  round(100);
  int descriptors = 0, threads = 0;
  ASSERT_TRUE(Eventually([&] { return (threads = Threads()) <= 5; })) << threads << " threads";
  descriptors = OpenDescriptors();
  round(900);
  EXPECT_TRUE(Eventually([&] { return OpenDescriptors() <= descriptors; })) << OpenDescriptors() << " descriptors";
  EXPECT_TRUE(Eventually([&] { return Threads() <= threads; })) << Threads() << " threads";
}

}  // namespace
}  // namespace crisp
