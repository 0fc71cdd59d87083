#include "streaming/strangers.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "os/fd.h"

namespace crisp {
namespace {

TEST(StrangersTest, TheOldestOfThePeerWithTheMostHasToGo) {
  Strangers strangers;
  strangers.Add(1, "few");
  for (const uint64_t number : {2, 3, 4}) strangers.Add(number, "many");
  strangers.Add(5, "few");
  EXPECT_EQ(strangers.size(), 5u);
  EXPECT_EQ(strangers.Victim(), 2u);
  strangers.Remove(2);
  EXPECT_EQ(strangers.Victim(), 1u) << "of two that have as many, the one with the oldest";
  strangers.Remove(1);
  strangers.Remove(1);
  EXPECT_EQ(strangers.Victim(), 3u);
  EXPECT_EQ(strangers.size(), 3u);
}

TEST(StrangersTest, OnePeerThatOpensManyPushesOutItsOwnOnly) {
  Strangers strangers;
  uint64_t number = 0;
  for (const char* peer : {"a", "b", "c"}) strangers.Add(++number, peer);
  for (int i = 0; i < 10000; ++i) {
    strangers.Add(++number, "flood");
    if (strangers.size() > 500) strangers.Remove(strangers.Victim());
  }
  EXPECT_EQ(strangers.size(), 500u);
  for (const uint64_t quiet : {1, 2, 3}) {
    const size_t before = strangers.size();
    strangers.Remove(quiet);
    EXPECT_EQ(strangers.size(), before - 1) << quiet << " was pushed out";
  }
}

// The peer of a connection from `from` to a server that listens on `to`.
std::string Peer(const char* from, const char* to) {
  const auto address = [](const char* text, in_port_t port) {
    sockaddr_in6 result{};
    result.sin6_family = AF_INET6;
    result.sin6_port = port;
    EXPECT_EQ(inet_pton(AF_INET6, text, &result.sin6_addr), 1) << text;
    return result;
  };
  const Fd server(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 name = address(to, 0);
  socklen_t length = sizeof(name);
  EXPECT_EQ(bind(server.get(), reinterpret_cast<sockaddr*>(&name), length), 0);
  EXPECT_EQ(listen(server.get(), 1), 0);
  getsockname(server.get(), reinterpret_cast<sockaddr*>(&name), &length);
  const Fd client(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in6 source = address(from, 0);
  EXPECT_EQ(bind(client.get(), reinterpret_cast<const sockaddr*>(&source), sizeof(source)), 0);
  const sockaddr_in6 target = address(to, name.sin6_port);
  EXPECT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&target), sizeof(target)), 0);
  const Fd accepted(accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return PeerOfSocket(accepted.get());
}

TEST(StrangersTest, APeerIsAnIpv4AddressOrThePrefixOfAnIpv6Address) {
  EXPECT_EQ(Peer("::ffff:127.0.0.2", "::ffff:127.0.0.1"), std::string("\x7f\0\0\2", 4));
  EXPECT_EQ(Peer("::1", "::1"), std::string(8, '\0'));
  EXPECT_EQ(PeerOfSocket(-1), "");
}

}  // namespace
}  // namespace crisp
