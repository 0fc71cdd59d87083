#include <gmock/gmock.h>
#include <signal.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/str_cat.h"
#include "streaming/testing/stream_test.h"
#include "streaming/token_table.h"

namespace crisp {
namespace {

using testing::HasSubstr;
using SpdyExecTest = StreamTest;

TEST_F(SpdyExecTest, OutputAndSuccessComeBack) {
  const StreamRequest request = Command({"echo", "hello"});
  SpdyExec exec(ExecUrl(request), request);
  EXPECT_THAT(exec.client->answer(), HasSubstr("HTTP/1.1 101 "));
  EXPECT_THAT(exec.client->answer(), HasSubstr("X-Stream-Protocol-Version: v4.channel.k8s.io\r\n"));
  ASSERT_TRUE(exec.Finish());
  EXPECT_EQ(exec.Output(), "hello\n");
  EXPECT_TRUE(exec.client->stream(exec.output).ended);
  EXPECT_EQ(nlohmann::json::parse(exec.Result()), nlohmann::json::parse(kSuccess));
  EXPECT_TRUE(exec.client->goaway());
}

TEST_F(SpdyExecTest, SessionsAndTheirBytesAreCounted) {
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  SpdyExec exec(ExecUrl(request), request);
  exec.client->Send(exec.input, "hello", true);
  ASSERT_TRUE(exec.Finish());
  const StreamKindCounters& counters = server_->counters().kinds[static_cast<size_t>(StreamKind::kExec)];
  EXPECT_EQ(counters.received_bytes.value(), 5u);
  EXPECT_EQ(counters.sent_bytes.value(), 5u);
  const auto closed = [&counters] {
    uint64_t opened = 0, over = 0;
    counters.sessions.ForEach([&](const std::string& protocol, const StreamKindCounters::Sessions& sessions) {
      EXPECT_EQ(protocol, "spdy");
      opened += sessions.opened.value();
      over += sessions.closed.value();
    });
    EXPECT_EQ(opened, 1u);
    return over == 1;
  };
  exec.client.reset();  // the server would wait for the client to close first
  EXPECT_TRUE(Eventually(closed));
}

TEST_F(SpdyExecTest, TheExitCodeIsInTheStatus) {
  const StreamRequest request = Shell("echo out; exit 42");
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(exec.Finish());
  EXPECT_EQ(exec.Output(), "out\n");
  const auto status = nlohmann::json::parse(exec.Result());
  EXPECT_EQ(status["status"], "Failure");
  EXPECT_EQ(status["reason"], "NonZeroExitCode");
  EXPECT_EQ(status["details"]["causes"][0]["reason"], "ExitCode");
  EXPECT_EQ(status["details"]["causes"][0]["message"], "42");
}

TEST_F(SpdyExecTest, AnOldProtocolHearsTheExitCodeAsText) {
  const StreamRequest request = Shell("exit 3");
  SpdyExec exec(ExecUrl(request), request, "v3.channel.k8s.io");
  ASSERT_TRUE(exec.Finish());
  EXPECT_EQ(exec.Result(), "command terminated with non-zero exit code: 3");
  const StreamRequest well = Shell("exit 0");
  SpdyExec success(ExecUrl(well), well, "channel.k8s.io");
  ASSERT_TRUE(success.Finish());
  EXPECT_EQ(success.Result(), "");
  EXPECT_TRUE(success.client->stream(success.result).ended);
}

TEST_F(SpdyExecTest, BothOutputsAreApart) {
  StreamRequest request = Shell("echo out; echo err >&2");
  request.streams.error_output = true;
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(exec.Finish());
  EXPECT_EQ(exec.Output(), "out\n");
  EXPECT_EQ(exec.ErrorOutput(), "err\n");
}

TEST_F(SpdyExecTest, InputEndsWhenTheClientsStreamDoes) {
  StreamRequest request = Shell("cat; echo end");
  request.streams.input = true;
  SpdyExec exec(ExecUrl(request), request);
  exec.client->Send(exec.input, "one ");
  exec.client->Send(exec.input, "two\n", true);
  ASSERT_TRUE(exec.Finish());
  EXPECT_EQ(exec.Output(), "one two\nend\n");
}

TEST_F(SpdyExecTest, InputSentWhileTheProcessStartsIsNotLost) {
  target_.set_delay(std::chrono::milliseconds(200));
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  SpdyExec exec(ExecUrl(request), request);
  exec.client->Send(exec.input, "early", true);
  ASSERT_TRUE(exec.Finish());
  EXPECT_EQ(exec.Output(), "early");
}

TEST_F(SpdyExecTest, LargeInputAndOutputAreByteForByte) {
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  SpdyExec exec(ExecUrl(request), request);
  std::string data;
  for (int i = 0; data.size() < 20 << 20; ++i) absl::StrAppend(&data, i, ",");
  std::thread writer([&] {
    for (size_t at = 0; at < data.size(); at += 100000) exec.client->Send(exec.input, data.substr(at, 100000));
    exec.client->End(exec.input);
  });
  ASSERT_TRUE(exec.Finish());
  writer.join();
  EXPECT_EQ(exec.Output().size(), data.size());
  EXPECT_TRUE(exec.Output() == data);
}

TEST_F(SpdyExecTest, ATerminalHasTheSizeThatTheClientGivesIt) {
  StreamRequest request = Shell("read line; stty size; read line; stty size");
  request.streams.input = true;
  request.streams.terminal = true;
  SpdyExec exec(ExecUrl(request), request);
  exec.client->Send(exec.resize, R"({"Width":120,"Height":40})");
  exec.client->Send(exec.input, "go\n");
  ASSERT_TRUE(exec.client->ReadUntil([&] { return exec.Output().find("40 120") != std::string::npos; }));
  exec.client->Send(exec.resize, R"({"Width":81)");
  exec.client->Send(exec.resize, R"(,"Height":25})");
  exec.client->Send(exec.input, "go\n");
  ASSERT_TRUE(exec.Finish());
  EXPECT_THAT(exec.Output(), HasSubstr("25 81"));
  EXPECT_EQ(exec.Result(), kSuccess);
}

TEST_F(SpdyExecTest, ATerminalWhoseOutputNobodyWantsDoesNotHoldUpTheProcess) {
  StreamRequest request = Shell("head -c 1000000 /dev/zero; exit 5");
  request.streams.input = true;
  request.streams.output = false;
  request.streams.terminal = true;
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(exec.Finish());
  EXPECT_THAT(exec.Result(), HasSubstr(R"("message":"5")"));
}

TEST_F(SpdyExecTest, AnExecThatCannotStartSaysWhy) {
  const StreamRequest request = Command({"/no/such/program"});
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(exec.Finish());
  const auto status = nlohmann::json::parse(exec.Result());
  EXPECT_EQ(status["reason"], "InternalError");
  EXPECT_THAT(status["message"].get<std::string>(), HasSubstr("/no/such/program"));
}

TEST_F(SpdyExecTest, OutputThatTheClientResetsIsDroppedAndTheExecGoesOn) {
  const StreamRequest request = Shell("head -c 10000000 /dev/zero; exit 5");
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(exec.client->ReadUntil([&] { return !exec.Output().empty(); }));
  exec.client->Raw(EncodeRstStream(exec.output, SpdyReset::kCancel));
  ASSERT_TRUE(exec.Finish());
  EXPECT_THAT(exec.Result(), HasSubstr("\"5\""));
}

TEST_F(SpdyExecTest, ASlowClientHoldsTheProcessBackAndGetsAll) {
  const StreamRequest request = Shell("head -c 50000000 /dev/zero; exit 7");
  SpdyExec exec(ExecUrl(request), request);
  exec.client->KeepNoData();
  ASSERT_TRUE(exec.client->ReadOnce(std::chrono::seconds(10)));
  ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
  // Nothing is read for a while; then all of it must come.
  EXPECT_TRUE(Throughout(std::chrono::milliseconds(500), [&] { return target_.live() == 1; }))
      << "the process has written more than the pipe and the sockets hold";
  ASSERT_TRUE(exec.Finish());
  EXPECT_GT(exec.client->data_bytes(), 50000000u);
  EXPECT_LT(exec.client->data_bytes(), 50001000u);
}

TEST_F(SpdyExecTest, AClientThatReadsOnlyAfterTheEndGetsAllAndTheStatus) {
  const StreamRequest request = Shell("head -c 300000 /dev/zero; exit 9");
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(Eventually([&] { return target_.opened() == 1 && target_.live() == 0; }));
  // What arrives at a server that has closed would make the kernel take back what is not read.
  for (uint32_t id = 1; id < 200; id += 2) {
    exec.client->Raw(EncodePing(id));
    LetTimePass(std::chrono::milliseconds(2));  // the pings arrive one by one, for longer than the server could linger
  }
  ASSERT_TRUE(exec.Finish());
  EXPECT_EQ(exec.Output().size(), 300000u);
  EXPECT_THAT(exec.Result(), HasSubstr("\"9\""));
}

TEST_F(SpdyExecTest, SomebodyWhoHoldsTheOutputOpenDoesNotHoldTheSession) {
  const StreamRequest request = Shell("setsid sleep 30 & echo $!; exit 0");
  SpdyExec exec(ExecUrl(request), request);
  const auto start = MonoClock::now();
  ASSERT_TRUE(exec.Finish());
  EXPECT_LT(MonoClock::now() - start, std::chrono::seconds(8));
  EXPECT_EQ(exec.Result(), kSuccess);
  kill(static_cast<pid_t>(atoi(exec.Output().c_str())), SIGKILL);
}

TEST_F(SpdyExecTest, AVanishedClientEndsAProcessThatIsSilent) {
  for (const bool abruptly : {false, true}) {
    const StreamRequest request = Command({"sleep", "1000"});
    SpdyExec exec(ExecUrl(request), request);
    ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
    ASSERT_TRUE(exec.client->ReadUntil([&] { return exec.client->stream(exec.output).replied; }));
    exec.client->bytes().Drop(abruptly);
    EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(3)));
  }
}

TEST_F(SpdyExecTest, AVanishedClientIsNoticedThoughItsInputIsNotTaken) {
  for (const bool abruptly : {false, true}) {
    StreamRequest request = Command({"sleep", "1000"});
    request.streams.input = true;
    SpdyExec exec(ExecUrl(request), request);
    ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
    // Read what there is: a socket that is closed with unread bytes says more than that it is closed.
    ASSERT_TRUE(exec.client->ReadUntil([&] { return exec.client->stream(exec.output).replied; }));
    // More than the pipe and the server's queue, so that the server does not read any more once it has had some time.
    exec.client->Send(exec.input, std::string(1600 << 10, 'x'));
    LetTimePass(std::chrono::milliseconds(100));
    exec.client->bytes().Drop(abruptly);
    EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(5)));
  }
}

TEST_F(SpdyExecTest, AClientThatVanishesWhileTheProcessStartsLeavesNothing) {
  target_.set_delay(std::chrono::seconds(20));
  const StreamRequest request = Command({"sleep", "1000"});
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(exec.client->ReadUntil([&] { return exec.client->stream(exec.output).replied; }));
  exec.client->bytes().Drop(false);
  EXPECT_TRUE(Eventually([&] { return target_.called_off() == 1; }));
  const auto start = MonoClock::now();
  server_ = nullptr;
  EXPECT_LT(MonoClock::now() - start, std::chrono::seconds(5));
  EXPECT_EQ(target_.opened(), 0);
}

TEST_F(SpdyExecTest, GoAwayEndsTheSessionOnceItsStreamsAreClosed) {
  const StreamRequest request = Command({"sleep", "1000"});
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
  exec.client->Raw(EncodeRstStream(exec.output, SpdyReset::kCancel));
  exec.client->Raw(EncodeRstStream(exec.result, SpdyReset::kCancel));
  exec.client->Raw(EncodeGoAway(0, SpdyGoodbye::kOk));
  EXPECT_TRUE(exec.client->ReadUntilClosed());
  EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(3)));
}

TEST_F(SpdyExecTest, PingsAreAnsweredAndUnknownFramesIgnored) {
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  SpdyExec exec(ExecUrl(request), request);
  exec.client->Raw(EncodePing(1));
  exec.client->Raw(EncodePing(2));  // an answer to none of ours
  exec.client->Raw(EncodeSpdyControl(SpdyType::kSettings, 0, std::string(4, '\0')));
  exec.client->Raw(EncodeSpdyControl(SpdyType::kWindowUpdate, 0, std::string(8, '\0')));
  exec.client->Raw(EncodeSpdyControl(static_cast<SpdyType>(10), 0, "credentials"));
  exec.client->Raw(EncodePing(3));
  exec.client->End(exec.input);
  ASSERT_TRUE(exec.Finish());
  EXPECT_THAT(exec.client->pings(), testing::ElementsAre(1, 3));
  EXPECT_EQ(exec.Result(), kSuccess);
}

TEST_F(SpdyExecTest, AClientThatTakesNoAnswersIsNotReadFurther) {
  const StreamRequest request = Command({"sleep", "1000"});
  SpdyExec exec(ExecUrl(request), request);
  std::string flood;
  for (int i = 0; i < 10000; ++i) flood += EncodePing(1);
  std::atomic<bool> sent_all = false;
  std::thread writer([&] {
    for (int i = 0; i < 500; ++i) exec.client->Raw(flood);
    sent_all = true;
  });
  EXPECT_TRUE(Throughout(std::chrono::seconds(1), [&] { return !sent_all; }))
      << "60 MB of pings were taken, and their answers kept";
  server_ = nullptr;
  writer.join();
}

TEST_F(SpdyExecTest, StreamsThatWereNotAskedForAreRefused) {
  const StreamRequest request = Command({"cat"});
  SpdyExec exec(ExecUrl(request), request);
  const uint32_t input = exec.client->OpenChannel("stdin");
  const uint32_t again = exec.client->OpenChannel("stdout");
  const uint32_t unknown = exec.client->OpenChannel("strange");
  ASSERT_TRUE(exec.client->ReadUntil([&] { return exec.client->stream(unknown).reset != 0; }));
  const auto refused = static_cast<uint32_t>(SpdyReset::kRefusedStream);
  EXPECT_EQ(exec.client->stream(input).reset, refused);
  EXPECT_EQ(exec.client->stream(again).reset, refused);
  EXPECT_FALSE(exec.client->stream(input).replied);
  ASSERT_TRUE(exec.Finish()) << "it reads /dev/null";
}

TEST_F(SpdyExecTest, AStreamNumberThatIsUsedOrEvenIsAnErrorOfThatStream) {
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  SpdyExec exec(ExecUrl(request), request);
  const auto reset_of = [&](uint32_t stream) -> uint32_t& { return exec.client->stream(stream).reset; };
  exec.client->OpenAs(4, {{"streamtype", "stdin"}});
  ASSERT_TRUE(exec.client->ReadUntil([&] { return reset_of(4) != 0; }));
  EXPECT_EQ(reset_of(4), static_cast<uint32_t>(SpdyReset::kProtocolError));
  exec.client->OpenAs(exec.result, {{"streamtype", "error"}});
  ASSERT_TRUE(exec.client->ReadUntil([&] { return reset_of(exec.result) != 0; }));
  // The streams that are open go on, the one whose number was used again too.
  exec.client->Send(exec.input, "on", true);
  ASSERT_TRUE(exec.Finish());
  EXPECT_EQ(exec.Output(), "on");
  EXPECT_EQ(exec.Result(), kSuccess);
}

TEST_F(SpdyExecTest, AClientThatOpensNoStreamsIsSentAway) {
  StreamServerOptions options;
  options.patience = std::chrono::milliseconds(300);
  StartServer(options);
  const StreamRequest request = Command({"echo"});
  const auto client = SpdyClient::Connect(ExecUrl(request), {"v4.channel.k8s.io"});
  client->OpenChannel("error");
  EXPECT_TRUE(client->ReadUntilClosed(std::chrono::seconds(5)));
  EXPECT_EQ(target_.opened(), 0);
}

TEST_F(SpdyExecTest, AnAttachmentEndsWellWhateverTheContainersExitCode) {
  target_.AddContainer("c1", {"sh", "-c", "cat; exit 3"});
  StreamRequest request = Command({});
  request.streams.input = true;
  SpdyExec attach(*server_->AttachUrl(request), request);
  attach.client->Send(attach.input, "to the container", true);
  ASSERT_TRUE(attach.Finish());
  EXPECT_EQ(attach.Output(), "to the container");
  EXPECT_EQ(attach.Result(), kSuccess);
}

TEST_F(SpdyExecTest, ManyAtOnceAreApart) {
  std::vector<std::thread> clients;
  std::atomic<int> well = 0;
  for (int i = 0; i < 40; ++i) {
    clients.emplace_back([&, i] {
      const StreamRequest request = Shell(absl::StrCat("echo ", i, "; exit ", i));
      SpdyExec exec(ExecUrl(request), request);
      const bool right = exec.Finish() && exec.Output() == absl::StrCat(i, "\n") &&
                         (i == 0 || exec.Result().find(absl::StrCat("\"", i, "\"")) != std::string::npos);
      if (right) ++well;
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(well, 40);
}

}  // namespace
}  // namespace crisp
