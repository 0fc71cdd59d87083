#include "os/accept.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <vector>

namespace crisp {
namespace {

class AcceptTest : public testing::Test {
 protected:
  AcceptTest() : listener_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    // With the family alone the kernel chooses an abstract name (unix(7), "Autobind feature").
    address_.sun_family = AF_UNIX;
    EXPECT_EQ(bind(listener_.get(), Name(), sizeof(sa_family_t)), 0);
    EXPECT_EQ(listen(listener_.get(), 64), 0);
    EXPECT_EQ(getsockname(listener_.get(), Name(), &length_), 0);
  }

  sockaddr* Name() { return reinterpret_cast<sockaddr*>(&address_); }

  void Connect() {
    clients_.emplace_back(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(clients_.back().get(), Name(), length_), 0);
  }

  Accepted Accept() {
    return AcceptClients(listener_.get(), [this](Fd client) { accepted_.push_back(std::move(client)); });
  }

  sockaddr_un address_{};
  socklen_t length_ = sizeof(address_);
  Fd listener_;
  std::vector<Fd> clients_;
  std::vector<Fd> accepted_;
};

TEST_F(AcceptTest, NobodyWaits) {
  EXPECT_EQ(Accept(), Accepted::kSome);
  EXPECT_TRUE(accepted_.empty());
}

TEST_F(AcceptTest, AFloodIsAcceptedInParts) {
  for (int i = 0; i < 20; ++i) Connect();
  EXPECT_EQ(Accept(), Accepted::kSome);
  EXPECT_EQ(accepted_.size(), 16u);
  EXPECT_EQ(Accept(), Accepted::kSome);
  ASSERT_EQ(accepted_.size(), 20u);
  EXPECT_NE(fcntl(accepted_[0].get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(accepted_[0].get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(AcceptTest, AClientThatFindsNoDescriptorWaits) {
  Connect();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const Fd next(dup(listener_.get()));
  const rlimit none{static_cast<rlim_t>(next.get()), before.rlim_max};  // every number below it is in use
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_EQ(Accept(), Accepted::kShortage);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(accepted_.empty());
  EXPECT_EQ(Accept(), Accepted::kSome);
  EXPECT_EQ(accepted_.size(), 1u);
}

}  // namespace
}  // namespace crisp
