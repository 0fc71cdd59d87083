#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "streaming/testing/stream_test.h"
#include "streaming/testing/tcp_server.h"
#include "streaming/token_table.h"

namespace crisp {
namespace {

using testing::HasSubstr;

class PortForwardTest : public StreamTest {
 protected:
  struct Streams {
    uint32_t error = 0;
    uint32_t data = 0;
  };

  std::unique_ptr<SpdyClient> Connect() {
    return SpdyClient::Connect(*server_->PortForwardUrl("p1"), {"portforward.k8s.io"});
  }
  static Streams OpenPair(SpdyClient* client, int port, const std::string& id) {
    Streams streams;
    streams.error = client->Open({{"streamtype", "error"}, {"port", absl::StrCat(port)}, {"requestid", id}});
    client->End(streams.error);  // as kubectl does
    streams.data = client->Open({{"streamtype", "data"}, {"port", absl::StrCat(port)}, {"requestid", id}});
    return streams;
  }

  TestServer echo_{Echo};
};

TEST_F(PortForwardTest, BytesGoThereAndBack) {
  const auto client = Connect();
  EXPECT_THAT(client->answer(), HasSubstr("X-Stream-Protocol-Version: portforward.k8s.io\r\n"));
  const Streams streams = OpenPair(client.get(), echo_.port(), "0");
  client->Send(streams.data, "hello");
  ASSERT_TRUE(client->ReadUntil([&] { return client->stream(streams.data).data == "hello"; }));
  client->Send(streams.data, " again", true);
  ASSERT_TRUE(client->ReadUntil([&] { return client->stream(streams.error).ended; }));
  EXPECT_EQ(client->stream(streams.data).data, "hello again");
  EXPECT_TRUE(client->stream(streams.data).ended);
  EXPECT_EQ(client->stream(streams.error).data, "");
}

TEST_F(PortForwardTest, SpdyIsTunnelledInAWebSocket) {
  SpdyClient client(ConnectTunnel(*server_->PortForwardUrl("p1")));
  const Streams streams = OpenPair(&client, echo_.port(), "0");
  const std::string data(1 << 20, 'x');
  for (size_t at = 0; at < data.size(); at += 64 << 10) client.Send(streams.data, data.substr(at, 64 << 10));
  client.End(streams.data);
  ASSERT_TRUE(client.ReadUntil([&] { return client.stream(streams.error).ended; }));
  EXPECT_TRUE(client.stream(streams.data).data == data);
  const StreamKindCounters& counters = server_->counters().kinds[static_cast<size_t>(StreamKind::kPortForward)];
  EXPECT_EQ(counters.received_bytes.value(), data.size());
  EXPECT_EQ(counters.sent_bytes.value(), data.size());
  counters.sessions.ForEach([](const std::string& protocol, const StreamKindCounters::Sessions& sessions) {
    EXPECT_EQ(protocol, "SPDY/3.1+portforward.k8s.io");
    EXPECT_EQ(sessions.opened.value(), 1u);
  });
}

TEST_F(PortForwardTest, OldClientsPairStreamsByTheirNumbers) {
  const auto client = Connect();
  const std::string port = absl::StrCat(echo_.port());
  client->Open({{"streamtype", "error"}, {"port", port}});
  const uint32_t data = client->Open({{"streamtype", "data"}, {"port", port}});
  client->Send(data, "old", true);
  ASSERT_TRUE(client->ReadUntil([&] { return client->stream(data).ended; }));
  EXPECT_EQ(client->stream(data).data, "old");
}

TEST_F(PortForwardTest, ManyConnectionsAreApart) {
  const auto client = Connect();
  std::map<int, Streams> all;
  for (int i = 0; i < 400; ++i) {
    all[i] = OpenPair(client.get(), echo_.port(), absl::StrCat(i));
    client->Send(all[i].data, absl::StrCat("connection ", i));
  }
  for (const auto& [i, streams] : all) client->Send(streams.data, absl::StrCat(" ends ", i), true);
  for (const auto& [i, streams] : all) {
    ASSERT_TRUE(client->ReadUntil([&, id = streams.error] { return client->stream(id).ended; }));
    EXPECT_EQ(client->stream(streams.data).data, absl::StrCat("connection ", i, " ends ", i));
  }
}

TEST_F(PortForwardTest, OneThatCannotBeMadeSaysWhyAndTheOthersGoOn) {
  const auto client = Connect();
  const Streams well = OpenPair(client.get(), echo_.port(), "0");
  const DeafPort nobody;
  const Streams refused = OpenPair(client.get(), nobody.port(), "1");
  ASSERT_TRUE(client->ReadUntil([&] { return client->stream(refused.error).ended; }));
  EXPECT_THAT(client->stream(refused.error).data, HasSubstr("refused"));
  client->Send(well.data, "still here", true);
  ASSERT_TRUE(client->ReadUntil([&] { return client->stream(well.error).ended; }));
  EXPECT_EQ(client->stream(well.data).data, "still here");
}

// More than the threads that open what clients ask for.
TEST_F(PortForwardTest, PortsThatDoNotAcceptHoldUpNobodyElse) {
  StreamServerOptions options;
  options.dial_patience = std::chrono::seconds(6);
  StartServer(options);
  const Fd deaf(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  ASSERT_EQ(bind(deaf.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(listen(deaf.get(), 0), 0);  // its backlog is full after one
  getsockname(deaf.get(), reinterpret_cast<sockaddr*>(&address), &length);
  const auto client = Connect();
  Streams last;
  for (int i = 0; i < 300; ++i) last = OpenPair(client.get(), ntohs(address.sin_port), absl::StrCat(i));
  ASSERT_TRUE(client->ReadUntil([&] { return client->stream(last.data).replied; }));
  const MonoTime begin = MonoClock::now();
  const StreamRequest request = Shell("echo here");
  SpdyExec exec(ExecUrl(request), request);
  ASSERT_TRUE(exec.Finish());
  EXPECT_EQ(exec.Output(), "here\n");
  EXPECT_LT(MonoClock::now() - begin, std::chrono::seconds(5));
  ASSERT_TRUE(client->ReadUntil([&] { return client->stream(last.error).ended; }));
  EXPECT_THAT(client->stream(last.error).data, HasSubstr("nobody has accepted the connection in time"));
}

TEST_F(PortForwardTest, OneThatBreaksEndsAloneAndWithoutAnError) {
  TestServer breaking([](int fd) {
    char byte;
    recv(fd, &byte, 1, 0);
    const linger at_once = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  });
  const auto client = Connect();
  const Streams well = OpenPair(client.get(), echo_.port(), "0");
  const Streams broken = OpenPair(client.get(), breaking.port(), "1");
  client->Send(broken.data, "x");
  ASSERT_TRUE(client->ReadUntil([&] { return client->stream(broken.error).ended; }));
  EXPECT_NE(client->stream(broken.data).reset, 0u);
  // A text there makes kubectl give up the whole session.
  EXPECT_EQ(client->stream(broken.error).data, "");
  client->Send(well.data, "still here", true);
  ASSERT_TRUE(client->ReadUntil([&] { return client->stream(well.error).ended; }));
  EXPECT_EQ(client->stream(well.data).data, "still here");
}

TEST_F(PortForwardTest, ResettingOneStreamClosesItsConnection) {
  std::atomic<bool> reached = false;
  std::atomic<bool> closed = false;
  TestServer waiting([&](int fd) {
    char byte;
    while (recv(fd, &byte, 1, 0) > 0) reached = true;
    closed = true;
  });
  const auto client = Connect();
  const Streams streams = OpenPair(client.get(), waiting.port(), "0");
  client->Send(streams.data, "x");
  ASSERT_TRUE(Eventually([&] { return reached.load(); }));  // one that is reset before it is dialled is never made
  client->Raw(EncodeRstStream(streams.data, SpdyReset::kCancel));
  EXPECT_TRUE(Eventually([&] { return closed.load(); }, std::chrono::seconds(3)));
  const Streams well = OpenPair(client.get(), echo_.port(), "1");
  client->Send(well.data, "on", true);
  ASSERT_TRUE(client->ReadUntil([&] { return client->stream(well.error).ended; }));
}

TEST_F(PortForwardTest, AVanishedClientClosesAllConnections) {
  std::atomic<int> open = 0;
  TestServer waiting([&](int fd) {
    ++open;
    char byte;
    while (recv(fd, &byte, 1, 0) > 0) continue;
    --open;
  });
  const auto client = Connect();
  for (int i = 0; i < 10; ++i) OpenPair(client.get(), waiting.port(), absl::StrCat(i));
  ASSERT_TRUE(Eventually([&] { return open == 10; }));
  client->bytes().Drop(true);
  EXPECT_TRUE(Eventually([&] { return open == 0; }, std::chrono::seconds(3)));
}

TEST_F(PortForwardTest, AProgramThatReadsNothingStopsNobodyUntilTheBound) {
  std::atomic<bool> done = false;
  TestServer stuck([&](int) { Eventually([&] { return done.load(); }, std::chrono::seconds(60)); });
  const auto client = Connect();
  const Streams deaf = OpenPair(client.get(), stuck.port(), "0");
  for (int i = 0; i < 20; ++i) client->Send(deaf.data, std::string(100 << 10, 'x'));
  const Streams well = OpenPair(client.get(), echo_.port(), "1");
  client->Send(well.data, "hello", true);
  EXPECT_TRUE(client->ReadUntil([&] { return client->stream(well.error).ended; }));
  EXPECT_EQ(client->stream(well.data).data, "hello");
  done = true;
  client->bytes().Drop(false);
}

TEST_F(PortForwardTest, AnIdleSessionIsClosedWithItsConnections) {
  StreamServerOptions options;
  options.idle_timeout = std::chrono::milliseconds(500);
  StartServer(options);
  std::atomic<int> open = 0;
  TestServer waiting([&](int fd) {
    ++open;
    Echo(fd);
    --open;
  });
  const auto client = Connect();
  SpdyClient tunnel(ConnectTunnel(*server_->PortForwardUrl("p1")));
  const Streams streams = OpenPair(client.get(), waiting.port(), "0");
  const Streams tunnelled = OpenPair(&tunnel, waiting.port(), "0");
  for (size_t i = 1; i <= 10; ++i) {
    client->Send(streams.data, "x");
    tunnel.Send(tunnelled.data, "x");
    ASSERT_TRUE(client->ReadUntil([&] { return client->stream(streams.data).data.size() == i; }));
    ASSERT_TRUE(tunnel.ReadUntil([&] { return tunnel.stream(tunnelled.data).data.size() == i; }));
    LetTimePass(std::chrono::milliseconds(100));  // all in all longer than the idle time-out
  }
  EXPECT_EQ(open, 2);
  EXPECT_TRUE(client->ReadUntilClosed(std::chrono::seconds(3)));
  EXPECT_TRUE(Eventually([&] { return open == 0; }, std::chrono::seconds(3))) << open.load();
}

TEST_F(PortForwardTest, StreamsWithoutAPortOrAKnownTypeAreRefused) {
  const auto client = Connect();
  const std::vector<SpdyHeaders> bad = {
      {{"streamtype", "data"}, {"requestid", "0"}},
      {{"streamtype", "data"}, {"port", "0"}, {"requestid", "1"}},
      {{"streamtype", "data"}, {"port", "65536"}, {"requestid", "2"}},
      {{"streamtype", "data"}, {"port", "80 "}, {"requestid", std::string(100, '3')}},
      {{"streamtype", "strange"}, {"port", "80"}, {"requestid", "4"}},
      {},
  };
  for (const auto& headers : bad) {
    const uint32_t stream = client->Open(headers);
    ASSERT_TRUE(client->ReadUntil([&] { return client->stream(stream).reset != 0; }));
    EXPECT_FALSE(client->stream(stream).replied);
  }
}

TEST_F(PortForwardTest, MoreStreamsThanTheBoundAreRefused) {
  const auto client = Connect();
  uint32_t last = 0;
  for (int i = 0; i < 1001; ++i) {
    last = client->Open({{"streamtype", "error"}, {"port", "80"}, {"requestid", absl::StrCat(i)}});
  }
  ASSERT_TRUE(client->ReadUntil([&] { return client->stream(last).reset != 0; }));
  EXPECT_FALSE(client->stream(last).replied);
  EXPECT_TRUE(client->stream(last - 2).replied);
}

}  // namespace
}  // namespace crisp
