#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "streaming/testing/stream_test.h"

namespace crisp {
namespace {

using testing::HasSubstr;
using WebSocketTest = StreamTest;

constexpr char kV5[] = "v5.channel.k8s.io";
constexpr uint8_t kInput = 0, kOutput = 1, kErrorOutput = 2, kResult = 3, kResize = 4;

TEST_F(WebSocketTest, ATerminalWhoseOutputNobodyWantsIsReadAndDropped) {
  StreamRequest request = Shell("head -c 1000000 /dev/zero; exit 5");
  request.streams.input = true;
  request.streams.output = false;
  request.streams.terminal = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), "v4.channel.k8s.io");
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_EQ(client->data(1), "");
  EXPECT_THAT(client->data(3), HasSubstr(R"("message":"5")"));
}

TEST_F(WebSocketTest, OutputAndSuccessComeBackAndTheServerSaysGoodbye) {
  StreamRequest request = Shell("echo out; echo err >&2");
  request.streams.error_output = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), kV5);
  EXPECT_EQ(client->protocol(), kV5);
  ASSERT_TRUE(client->ReadUntilClosed()) << "closed with " << client->close_code();
  EXPECT_EQ(client->data(kOutput), "out\n");
  EXPECT_EQ(client->data(kErrorOutput), "err\n");
  EXPECT_EQ(client->data(kResult), kSuccess);
}

TEST_F(WebSocketTest, TheExitCodeIsInTheStatus) {
  const auto client = ChannelClient::Connect(ExecUrl(Shell("exit 17")), kV5);
  ASSERT_TRUE(client->ReadUntilClosed());
  const auto status = nlohmann::json::parse(client->data(kResult));
  EXPECT_EQ(status["reason"], "NonZeroExitCode");
  EXPECT_EQ(status["details"]["causes"][0]["message"], "17");
}

TEST_F(WebSocketTest, TheCloseSignalEndsInput) {
  StreamRequest request = Shell("cat; echo end");
  request.streams.input = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), kV5);
  client->Send(kInput, "some input\n");
  client->SendRaw(std::string("\xff\x00", 2));
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_EQ(client->data(kOutput), "some input\nend\n");
}

TEST_F(WebSocketTest, BeforeV5Channel255IsNoSignal) {
  StreamRequest request = Shell("read line; echo \"got $line\"");
  request.streams.input = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), "v4.channel.k8s.io");
  client->SendRaw(std::string("\xff\x00", 2));
  client->Send(kInput, "more\n");
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_EQ(client->data(kOutput), "got more\n");
}

TEST_F(WebSocketTest, TheFirstProtocolNeedsNoName) {
  const auto client = ChannelClient::Connect(ExecUrl(Shell("echo x; exit 2")), "");
  EXPECT_EQ(client->protocol(), "");
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_EQ(client->data(kOutput), "x\n");
  EXPECT_EQ(client->data(kResult), "command terminated with non-zero exit code: 2");
}

TEST_F(WebSocketTest, EveryProtocolHasInputOutputResizeAndResult) {
  for (const std::string protocol :
       {"v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io",
        "channel.k8s.io", "base64.channel.k8s.io", ""}) {
    SCOPED_TRACE(protocol);
    StreamRequest request = Shell("echo err >&2; read line; echo \"got $line\"; exit 3");
    request.streams.input = true;
    request.streams.error_output = true;
    const auto client = ChannelClient::Connect(ExecUrl(request), protocol);
    ASSERT_EQ(client->protocol(), protocol);
    client->Send(kInput, "it\n");
    ASSERT_TRUE(client->ReadUntilClosed());
    EXPECT_EQ(client->data(kOutput), "got it\n");
    EXPECT_EQ(client->data(kErrorOutput), "err\n");
    if (protocol.substr(0, 2) == "v4" || protocol.substr(0, 2) == "v5") {
      EXPECT_EQ(nlohmann::json::parse(client->data(kResult))["details"]["causes"][0]["message"], "3");
    } else {
      EXPECT_EQ(client->data(kResult), "command terminated with non-zero exit code: 3");
    }
    const bool base64 = protocol.find("base64") != std::string::npos;
    EXPECT_EQ(client->texts() > 0, base64);
    EXPECT_EQ(client->binaries() > 0, !base64);
  }
}

TEST_F(WebSocketTest, TheClientsFirstProtocolThatIsKnownIsTaken) {
  const std::pair<std::string, std::string> cases[] = {
      {"v4.channel.k8s.io, v5.channel.k8s.io", "v4.channel.k8s.io"},
      {"v5.channel.k8s.io,v4.channel.k8s.io", kV5},
      {"base64.channel.k8s.io, v5.channel.k8s.io", "base64.channel.k8s.io"},
      {"v9.channel.k8s.io, v4.base64.channel.k8s.io, v4.channel.k8s.io", "v4.base64.channel.k8s.io"},
      {"v5.base64.channel.k8s.io, channel.k8s.io", "channel.k8s.io"},
      {"v5.base64.channel.k8s.io", "refused"},
      {"V4.CHANNEL.K8S.IO", "refused"},
      {"SPDY/3.1+portforward.k8s.io", "refused"}};
  for (const auto& [offered, taken] : cases) {
    EXPECT_EQ(ChannelClient::Connect(ExecUrl(Command({"true"})), offered)->protocol(), taken) << offered;
  }
}

TEST_F(WebSocketTest, InBase64LargeInputAndOutputAreByteForByte) {
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), "v4.base64.channel.k8s.io");
  std::string data;
  for (int i = 0; data.size() < 3 << 20; ++i) absl::StrAppend(&data, i, std::string(1, static_cast<char>(i)));
  for (size_t at = 0; at < data.size();) {
    client->Send(kInput, data.substr(at, 99999));
    at += std::min<size_t>(99999, data.size() - at);
    while (client->data(kOutput).size() + 500000 < at) ASSERT_TRUE(client->ReadMessage());
  }
  while (client->data(kOutput).size() < data.size()) ASSERT_TRUE(client->ReadMessage());
  EXPECT_TRUE(client->data(kOutput) == data);
}

TEST_F(WebSocketTest, InBase64ATerminalIsResizedAndAMessageMayComeInFrames) {
  StreamRequest request = Shell("read line; stty size");
  request.streams.input = true;
  request.streams.terminal = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), "base64.channel.k8s.io");
  client->Send(kResize, R"({"Width":132,"Height":43})");
  client->SendInFrames("0" + absl::Base64Escape("go\n"), 1);
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_THAT(client->data(kOutput), HasSubstr("43 132"));
}

TEST_F(WebSocketTest, WhatIsNotBase64EndsTheSession) {
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), "base64.channel.k8s.io");
  client->SendRaw("0not base64!");
  EXPECT_FALSE(client->ReadUntilClosed());
  EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(3)));
}

TEST_F(WebSocketTest, AnAttachmentSpeaksBase64Too) {
  target_.AddContainer("c1", {"echo", "from the container"});
  const auto client = ChannelClient::Connect(*server_->AttachUrl(Command({})), "v4.base64.channel.k8s.io");
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_EQ(client->data(kOutput), "from the container\n");
  EXPECT_EQ(client->data(kResult), kSuccess);
}

TEST_F(WebSocketTest, TheFirstMessageSaysThatTheChannelsAreThere) {
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), kV5);
  ASSERT_TRUE(client->ReadMessage());
  EXPECT_EQ(client->data(kOutput), "");
  client->Drop();
}

TEST_F(WebSocketTest, ATerminalIsResized) {
  StreamRequest request = Shell("read line; stty size");
  request.streams.input = true;
  request.streams.terminal = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), kV5);
  client->Send(kResize, R"({"Width":132,"Height":43})");
  client->Send(kInput, "go\n");
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_THAT(client->data(kOutput), HasSubstr("43 132"));
}

TEST_F(WebSocketTest, LargeInputAndOutputAreByteForByte) {
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), kV5);
  std::string data;
  for (int i = 0; data.size() < 8 << 20; ++i) absl::StrAppend(&data, i, ",");
  for (size_t at = 0; at < data.size();) {
    // What comes back is read in between: one thread, and both directions have their bounds.
    client->Send(kInput, data.substr(at, 100000));
    at += std::min<size_t>(100000, data.size() - at);
    while (client->data(kOutput).size() + 500000 < at) ASSERT_TRUE(client->ReadMessage());
  }
  client->SendRaw(std::string("\xff\x00", 2));
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_TRUE(client->data(kOutput) == data);
}

TEST_F(WebSocketTest, PingsAreAnsweredWhileAProcessIsSilent) {
  StreamRequest request = Shell("read line; echo done");
  request.streams.input = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), kV5);
  for (int i = 0; i < 20; ++i) client->Ping();
  client->Send(kInput, "\n");
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_EQ(client->data(kOutput), "done\n");
}

TEST_F(WebSocketTest, AVanishedClientEndsTheProcess) {
  const auto client = ChannelClient::Connect(ExecUrl(Command({"sleep", "1000"})), kV5);
  ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
  client->Drop();
  EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(3)));
}

TEST_F(WebSocketTest, AVanishedClientIsNoticedThoughItsInputIsNotTaken) {
  StreamRequest request = Command({"sleep", "1000"});
  request.streams.input = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), kV5);
  ASSERT_TRUE(client->ReadMessage());
  ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
  // More than the pipe and the server's queue, so that the server does not read any more once it has had some time.
  for (int i = 0; i < 16; ++i) client->Send(kInput, std::string(100 << 10, 'x'));
  LetTimePass(std::chrono::milliseconds(100));
  client->Drop();
  EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(5)));
}

TEST_F(WebSocketTest, AClientThatSaysGoodbyeEndsTheProcess) {
  const auto client = ChannelClient::Connect(ExecUrl(Command({"sleep", "1000"})), kV5);
  ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
  client->Close();
  EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(3)));
}

TEST_F(WebSocketTest, AMessageMayComeInFrames) {
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), kV5);
  std::string message(1, kInput);
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&message, i, ",");
  client->SendInFrames(message, 100);
  client->SendInFrames(std::string("\xff\x00", 2), 1);
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_TRUE(client->data(kOutput) == message.substr(1)) << client->data(kOutput).size();
}

TEST_F(WebSocketTest, AMessageBeyondTheBoundEndsTheSession) {
  StreamRequest request = Shell("cat >/dev/null");
  request.streams.input = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), kV5);
  ASSERT_TRUE(Eventually([&] { return target_.live() == 1; }));
  client->SendRaw(std::string((32 << 20) + 1, kInput));
  EXPECT_FALSE(client->ReadUntilClosed());
  EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(3)));
}

TEST_F(WebSocketTest, AnIdleSessionIsClosed) {
  StreamServerOptions options;
  options.idle_timeout = std::chrono::milliseconds(500);
  StartServer(options);
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), kV5);
  for (int i = 0; i < 10; ++i) {
    client->Send(kInput, "x");
    while (client->data(kOutput).size() <= static_cast<size_t>(i)) ASSERT_TRUE(client->ReadMessage());
    LetTimePass(std::chrono::milliseconds(100));  // all in all longer than the idle time-out
  }
  EXPECT_EQ(target_.live(), 1);
  EXPECT_FALSE(client->ReadUntilClosed());
  EXPECT_TRUE(Eventually([&] { return target_.live() == 0; }, std::chrono::seconds(3)));
}

TEST_F(WebSocketTest, ABadCloseSignalEndsTheSession) {
  StreamRequest request = Command({"cat"});
  request.streams.input = true;
  const auto client = ChannelClient::Connect(ExecUrl(request), kV5);
  client->SendRaw("\xff too long");
  EXPECT_FALSE(client->ReadUntilClosed());
}

TEST_F(WebSocketTest, AProtocolThatIsNotKnownIsRefused) {
  const auto client = ChannelClient::Connect(ExecUrl(Command({"true"})), "v9.channel.k8s.io");
  EXPECT_EQ(client->protocol(), "refused");
  EXPECT_EQ(target_.opened(), 0);
}

TEST_F(WebSocketTest, AnAttachmentWorksToo) {
  target_.AddContainer("c1", {"echo", "from the container"});
  const auto client = ChannelClient::Connect(*server_->AttachUrl(Command({})), kV5);
  ASSERT_TRUE(client->ReadUntilClosed());
  EXPECT_EQ(client->data(kOutput), "from the container\n");
  EXPECT_EQ(client->data(kResult), kSuccess);
}

}  // namespace
}  // namespace crisp
