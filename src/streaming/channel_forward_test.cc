// Port-forwards over the channels of a WebSocket.
#include <gmock/gmock.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "streaming/testing/stream_test.h"
#include "streaming/testing/tcp_server.h"

namespace crisp {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr char kBinary[] = "v4.channel.k8s.io";
constexpr char kBase64[] = "v4.base64.channel.k8s.io";

// The first message on each channel of a port.
std::string NumberOf(int port) {
  return {static_cast<char>(port & 0xff), static_cast<char>(port >> 8)};
}

class ChannelForwardTest : public StreamTest {
 protected:
  // With the ports in the request for the token.
  std::unique_ptr<ChannelClient> Connect(const std::string& protocol, const std::vector<int>& ports) {
    const std::vector<uint16_t> numbers(ports.begin(), ports.end());
    return ChannelClient::Connect(*server_->PortForwardUrl("p1", numbers), protocol);
  }
  // The first line of the answer to a request with these ports in the query.
  std::string AnswerTo(const std::string& query, const std::string& protocol) {
    const std::string url = *server_->PortForwardUrl("p1") + query;
    const std::string answer =
        Ask(url, absl::StrCat("GET ", SplitUrl(url).path, " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n",
                              "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
                              "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ", protocol,
                              "\r\n\r\n"));
    return answer.substr(0, answer.find('\r'));
  }

  TestServer echo_{Echo};
};

TEST_F(ChannelForwardTest, EachProtocolCarriesBytesThereAndBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (const std::string protocol : {kBinary, kBase64, ""}) {
    SCOPED_TRACE(protocol);
    const auto client = Connect(protocol, {echo_.port()});
    EXPECT_EQ(client->protocol(), protocol);
    client->Send(0, bytes);
    ASSERT_TRUE(client->ReadUntilData(0, bytes));
    EXPECT_EQ(client->data(0), NumberOf(echo_.port()) + bytes);
    EXPECT_EQ(client->data(1), NumberOf(echo_.port()));
    EXPECT_EQ(client->texts() > 0, protocol == kBase64);
    EXPECT_EQ(client->binaries() > 0, protocol != kBase64);
    client->Close();
  }
}

TEST_F(ChannelForwardTest, PortsMayStandInTheQuery) {
  TestServer other([](int fd) { EXPECT_EQ(send(fd, "other", 5, MSG_NOSIGNAL), 5); });
  for (const std::string& query : {absl::StrCat("?port=", echo_.port(), "&port=", other.port()),
                                   absl::StrCat("?ports=", echo_.port(), ",", other.port()),
                                   absl::StrCat("?x=1&ports=", echo_.port(), "%2C", other.port(), "&y")}) {
    SCOPED_TRACE(query);
    const auto client = ChannelClient::Connect(*server_->PortForwardUrl("p1") + query, kBinary);
    ASSERT_EQ(client->protocol(), kBinary);
    client->Send(0, "one");
    EXPECT_TRUE(client->ReadUntilData(0, "one"));
    EXPECT_TRUE(client->ReadUntilData(2, "other"));
    EXPECT_EQ(client->data(0), NumberOf(echo_.port()) + "one");
    EXPECT_EQ(client->data(2), NumberOf(other.port()) + "other");
    EXPECT_EQ(client->data(3), NumberOf(other.port()));
  }
}

TEST_F(ChannelForwardTest, PortsOfTheCallComeBeforeThoseOfTheQuery) {
  const auto client = ChannelClient::Connect(
      absl::StrCat(*server_->PortForwardUrl("p1", {static_cast<uint16_t>(echo_.port())}), "?port=1"), kBinary);
  client->Send(0, "there");
  EXPECT_TRUE(client->ReadUntilData(0, "there"));
}

TEST_F(ChannelForwardTest, WithoutPortsOrWithWrongOnesItIsRefused) {
  for (const std::string query : {"", "?", "?port=", "?port=0", "?port=65536", "?port=http", "?port=80,", "?ports=-1",
                                  "?port=80&ports=x", "?other=80"}) {
    EXPECT_EQ(AnswerTo(query, kBinary), "HTTP/1.1 400 Bad Request") << query;
  }
}

TEST_F(ChannelForwardTest, AsManyPortsAsThereAreChannelsForAndNoMore) {
  for (const auto& [protocol, most] : {std::pair<std::string, size_t>{kBinary, 127}, {kBase64, 40}}) {
    const auto client = Connect(protocol, std::vector<int>(most, echo_.port()));
    ASSERT_EQ(client->protocol(), protocol);
    const auto last = static_cast<uint8_t>(2 * (most - 1));
    client->Send(last, "the last");
    EXPECT_TRUE(client->ReadUntilData(last, "the last"));
    client->Close();
    EXPECT_EQ(Connect(protocol, std::vector<int>(most + 1, 80))->protocol(), "refused");
  }
}

TEST_F(ChannelForwardTest, SpdyInATunnelIsTakenWhereTheClientNamesItFirst) {
  const auto url = [this] { return absl::StrCat(*server_->PortForwardUrl("p1"), "?port=", echo_.port()); };
  EXPECT_EQ(ChannelClient::Connect(url(), "SPDY/3.1+portforward.k8s.io, v4.channel.k8s.io")->protocol(),
            "SPDY/3.1+portforward.k8s.io");
  EXPECT_EQ(ChannelClient::Connect(url(), "v4.base64.channel.k8s.io, SPDY/3.1+portforward.k8s.io")->protocol(),
            kBase64);
  EXPECT_EQ(AnswerTo("?port=80", "v5.channel.k8s.io"), "HTTP/1.1 403 Forbidden");
}

TEST_F(ChannelForwardTest, AFailureIsToldOnTheErrorChannelAndTheOtherPortsGoOn) {
  const DeafPort nobody;
  for (const std::string protocol : {kBinary, kBase64}) {
    const auto client = Connect(protocol, {nobody.port(), echo_.port()});
    ASSERT_TRUE(client->ReadUntilData(1, "refused"));
    EXPECT_THAT(client->data(1), StartsWith(NumberOf(nobody.port()) + "forward to port "));
    EXPECT_EQ(client->data(0), NumberOf(nobody.port()));
    client->Send(2, "still here");
    EXPECT_TRUE(client->ReadUntilData(2, "still here"));
  }
}

TEST_F(ChannelForwardTest, TheSessionEndsInOrderWithTheLastConnection) {
  TestServer page([](int fd) {
    char byte;
    EXPECT_EQ(recv(fd, &byte, 1, 0), 1);
    EXPECT_EQ(send(fd, "page", 4, MSG_NOSIGNAL), 4);
  });
  const auto client = Connect(kBinary, {page.port(), page.port()});
  client->Send(0, "x");
  ASSERT_TRUE(client->ReadUntilData(0, "page"));
  client->Send(0, "to one that has ended");
  client->Send(2, "x");
  EXPECT_TRUE(client->ReadUntilClosed()) << client->close_code();
  EXPECT_EQ(client->data(2), NumberOf(page.port()) + "page");
  EXPECT_EQ(client->data(3), NumberOf(page.port()));
}

TEST_F(ChannelForwardTest, AConnectionThatBreaksIsToldOnItsErrorChannel) {
  TestServer breaking([](int fd) {
    char byte;
    EXPECT_EQ(recv(fd, &byte, 1, 0), 1);
    const linger at_once = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  });
  const auto client = Connect(kBinary, {breaking.port()});
  client->Send(0, "x");
  EXPECT_TRUE(client->ReadUntilClosed());
  EXPECT_THAT(client->data(1), HasSubstr("the connection broke"));
}

TEST_F(ChannelForwardTest, LargeDataIsByteForByte) {
  std::string data;
  for (int i = 0; data.size() < 4 << 20; ++i) absl::StrAppend(&data, i, std::string(1, static_cast<char>(i)));
  for (const std::string protocol : {kBinary, kBase64}) {
    SCOPED_TRACE(protocol);
    const auto client = Connect(protocol, {echo_.port()});
    for (size_t at = 0; at < data.size();) {
      // What comes back is read in between: one thread, and both directions have their bounds.
      client->Send(0, data.substr(at, 100000));
      at += std::min<size_t>(100000, data.size() - at);
      while (client->data(0).size() + 500000 < at) ASSERT_TRUE(client->ReadMessage());
    }
    while (client->data(0).size() < data.size() + 2) ASSERT_TRUE(client->ReadMessage());
    EXPECT_TRUE(client->data(0) == NumberOf(echo_.port()) + data);
  }
}

TEST_F(ChannelForwardTest, WhatIsNoChannelOfAPortIsDropped) {
  const auto client = Connect(kBinary, {echo_.port()});
  client->Send(1, "on the error channel");
  client->Send(2, "of no port");
  client->Send(255, "nor this");
  client->SendRaw("");
  client->Send(0, "well");
  ASSERT_TRUE(client->ReadUntilData(0, "well"));
  EXPECT_EQ(client->data(0), NumberOf(echo_.port()) + "well");
}

TEST_F(ChannelForwardTest, MessagesThatAreNotBase64EndTheSession) {
  const auto client = Connect(kBase64, {echo_.port()});
  client->Send(0, "well");
  ASSERT_TRUE(client->ReadUntilData(0, "well"));
  client->SendRaw("0***");
  EXPECT_FALSE(client->ReadUntilClosed());
}

TEST_F(ChannelForwardTest, AVanishedClientClosesAllConnections) {
  std::atomic<int> open = 0;
  TestServer waiting([&](int fd) {
    ++open;
    char byte;
    while (recv(fd, &byte, 1, 0) > 0) continue;
    --open;
  });
  const auto client = Connect(kBinary, std::vector<int>(10, waiting.port()));
  ASSERT_TRUE(Eventually([&] { return open == 10; }));
  client->Drop();
  EXPECT_TRUE(Eventually([&] { return open == 0; }, std::chrono::seconds(3)));
}

TEST_F(ChannelForwardTest, AProgramThatReadsNothingStopsNobodyUntilTheBound) {
  std::atomic<bool> done = false;
  TestServer stuck([&](int) { Eventually([&] { return done.load(); }, std::chrono::seconds(60)); });
  const auto client = Connect(kBinary, {stuck.port(), echo_.port()});
  for (int i = 0; i < 20; ++i) client->Send(0, std::string(100 << 10, 'x'));
  client->Send(2, "hello");
  EXPECT_TRUE(client->ReadUntilData(2, "hello"));
  done = true;
  client->Drop();
}

}  // namespace
}  // namespace crisp
