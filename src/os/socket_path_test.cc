#include "os/socket_path.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "os/fd.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class SocketPathTest : public testing::Test {
 protected:
  Fd Bind() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }

  // Of a path where something is that nobody may take away.
  std::string Refused() {
    const absl::Status status = CheckSocketPath(path_, "grpc.address");
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_TRUE(std::filesystem::exists(std::filesystem::symlink_status(path_))) << "it is left alone";
    return std::string(status.message());
  }

  TestDir dir_;
  const std::string path_ = dir_.path() + "/crisp.sock";
};

TEST_F(SocketPathTest, NothingOrTheSocketOfADeadServerIsFine) {
  EXPECT_EQ(CheckSocketPath(path_, "grpc.address"), absl::OkStatus());
  Bind();
  EXPECT_EQ(CheckSocketPath(path_, "grpc.address"), absl::OkStatus());
}

TEST_F(SocketPathTest, AServerThatAnswersIsNamed) {
  const Fd server = Bind();
  ASSERT_EQ(listen(server.get(), 1), 0);
  EXPECT_THAT(Refused(), AllOf(HasSubstr(path_), HasSubstr("another server answers")));
}

TEST_F(SocketPathTest, WhateverElseIsThereIsNamed) {
  std::filesystem::create_directory(path_);
  EXPECT_THAT(Refused(), AllOf(HasSubstr(path_ + ": a directory is there"), HasSubstr("grpc.address")));
  std::filesystem::remove(path_);
  std::ofstream(path_) << "";
  EXPECT_THAT(Refused(), HasSubstr("a file is there"));
  std::filesystem::remove(path_);
  std::filesystem::create_symlink("nowhere", path_);
  EXPECT_THAT(Refused(), HasSubstr("a link that leads nowhere is there"));
  std::filesystem::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(Refused(), HasSubstr("something that is no socket is there"));
}

TEST_F(SocketPathTest, APathThatNoSocketCanHaveIsRefused) {
  for (const std::string& path : {std::string(), std::string("crisp.sock"), "/" + std::string(107, 'a')}) {
    EXPECT_EQ(CheckSocketPath(path, "grpc.address").code(), absl::StatusCode::kInvalidArgument) << path;
  }
}

}  // namespace
}  // namespace crisp
