#include "monitor/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <thread>

#include "absl/strings/str_cat.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Client {
 public:
  explicit Client(const std::string& host) : socket_(host[0] == '/' ? ConnectTo(host) : ConnectToPort(host)) {
    const timeval patience = {10, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }

  void Send(const std::string& text) {
    ASSERT_EQ(send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  // Up to `end`, or to the end of the connection.
  std::string ReadUntil(const std::string& end) {
    std::string text;
    char byte = 0;
    while (text.find(end) == std::string::npos && recv(socket_.get(), &byte, 1, 0) == 1) text += byte;
    return text;
  }
  std::string ReadAll() {
    std::string text;
    std::array<char, 65536> block{};
    for (ssize_t n = 0; (n = recv(socket_.get(), block.data(), block.size(), 0)) > 0;) {
      text.append(block.data(), static_cast<size_t>(n));
    }
    return text;
  }
  // The head of the answer to a request.
  std::string Ask(const std::string& request) {
    Send(request);
    return ReadUntil("\r\n\r\n");
  }
  bool IsClosed() {
    char byte = 0;
    return recv(socket_.get(), &byte, 1, 0) == 0;
  }

 private:
  static Fd ConnectTo(const std::string& path) {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0) << path;
    return fd;
  }
  static Fd ConnectToPort(const std::string& host) {
    Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(host.substr(host.rfind(':') + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0) << host;
    return fd;
  }

  const Fd socket_;
};

class HttpServerTest : public testing::Test {
 protected:
  void Start(HttpServerOptions options = {}) {
    if (options.address.empty()) options.address = "127.0.0.1:0";
    auto server =
        HttpServer::Start(std::move(options), {{"/page",
                                                [] {
                                                  return HttpAnswer{200, "text/plain", "hello\n"};
                                                }},
                                               {"/large", [] {
                                                  return HttpAnswer{200, "text/plain", std::string(32 << 20, 'x')};
                                                }}});
    ASSERT_EQ(server.status(), absl::OkStatus());
    server_ = *std::move(server);
  }
  void StartTree() {
    auto server = HttpServer::Start({.address = "unix://" + dir_.Path("socket"), .uid = 12, .gid = 34},
                                    {{"/tree/page",
                                      [] {
                                        return HttpAnswer{200, "text/plain", "page"};
                                      }}},
                                    {{"/tree/", [](const std::string& rest) {
                                        return HttpAnswer{200, "text/plain", "rest: " + rest};
                                      }}});
    ASSERT_EQ(server.status(), absl::OkStatus());
    server_ = *std::move(server);
  }
  std::string AnswerTo(const std::string& request) {
    Client client(server_->host());
    client.Send(request);
    return client.ReadAll();
  }

  const TestDir dir_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ATreeServesAllBelowItsPathThatIsNoPage) {
  StartTree();
  EXPECT_THAT(AnswerTo("GET /tree/a/b?query HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\nrest: a/b"));
  EXPECT_THAT(AnswerTo("GET /tree/ HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\nrest: "));
  EXPECT_THAT(AnswerTo("GET /tree/page HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\npage"));
  EXPECT_THAT(AnswerTo("GET /tree HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
}

TEST_F(HttpServerTest, ASocketBelongsToItsOwnerAndGroup) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  StartTree();
  struct stat socket {};
  ASSERT_EQ(stat(dir_.Path("socket").c_str(), &socket), 0);
  EXPECT_EQ(socket.st_uid, 12u);
  EXPECT_EQ(socket.st_gid, 34u);
  EXPECT_EQ(socket.st_mode & 0777, 0660u);
}

TEST_F(HttpServerTest, APageIsServedByGetAndHead) {
  Start();
  EXPECT_THAT(AnswerTo("GET /page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 200 OK\r\n"), HasSubstr("Content-Type: text/plain\r\n"),
                    HasSubstr("Content-Length: 6\r\n"), EndsWith("\r\n\r\nhello\n")));
  EXPECT_THAT(AnswerTo("GET /page?query HTTP/1.0\r\n\r\n"), EndsWith("hello\n"));
  EXPECT_THAT(AnswerTo("HEAD /page HTTP/1.1\r\nConnection: close\r\n\r\n"),
              AllOf(HasSubstr("Content-Length: 6\r\n"), EndsWith("\r\n\r\n")));
}

TEST_F(HttpServerTest, OneConnectionServesManyRequestsAlsoSentAtOnce) {
  Start();
  Client client(server_->host());
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(client.Ask("GET /page HTTP/1.1\r\n\r\n"), HasSubstr("Connection: keep-alive"));
    EXPECT_EQ(client.ReadUntil("\n"), "hello\n");
  }
  client.Send("GET /page HTTP/1.1\r\n\r\nGET /page HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), AllOf(HasSubstr("keep-alive\r\n\r\nhello\nHTTP/1.1 200"), EndsWith("hello\n")));
}

TEST_F(HttpServerTest, WhatIsNoRequestForAPageIsRefused) {
  Start();
  EXPECT_THAT(AnswerTo("GET /other HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(AnswerTo("DELETE /page HTTP/1.0\r\n\r\n"),
              AllOf(StartsWith("HTTP/1.1 405 "), HasSubstr("Allow: GET, HEAD\r\n")));
  EXPECT_THAT(AnswerTo("GET /page HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(AnswerTo("GET /page HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(AnswerTo("hello\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(AnswerTo("GET /page HTTP/1.1\r\nX: " + std::string(2 * kHttpHeadLimit, 'x')),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(AnswerTo("GET /page HTTP/1.0\r\n\r\n"), EndsWith("hello\n"));
}

TEST_F(HttpServerTest, WhoIsSlowWithARequestOrIdleIsClosed) {
  HttpServerOptions options;
  options.head_time = options.idle_time = milliseconds(100);
  Start(options);
  Client silent(server_->host());
  Client slow(server_->host());
  slow.Send("GET /pa");
  Client idle(server_->host());
  EXPECT_THAT(idle.Ask("GET /page HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(idle.ReadUntil("\n"), "hello\n");
  EXPECT_TRUE(silent.IsClosed());
  EXPECT_TRUE(slow.IsClosed());
  EXPECT_TRUE(idle.IsClosed());
}

TEST_F(HttpServerTest, WhoDoesNotTakeTheAnswerIsClosed) {
  HttpServerOptions options;
  options.answer_time = milliseconds(100);
  Start(options);
  Client client(server_->host());
  client.Send("GET /large HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  std::this_thread::sleep_for(milliseconds(300));  // in which the client reads nothing
  EXPECT_LT(client.ReadAll().size(), 32u << 20);
}

TEST_F(HttpServerTest, ANewClientIsServedHoweverManyStrangersThereAre) {
  HttpServerOptions options;
  options.most_connections = 3;
  Start(options);
  std::vector<std::unique_ptr<Client>> strangers;
  for (int i = 0; i < 10; ++i) strangers.push_back(std::make_unique<Client>(server_->host()));
  for (int i = 0; i < 10; ++i) {
    strangers.push_back(std::make_unique<Client>(server_->host()));
    strangers.back()->Send("GET /large HTTP/1.1\r\n\r\n");
    EXPECT_THAT(strangers.back()->ReadUntil("\r\n"), StartsWith("HTTP/1.1 200")) << "so that it is served";
  }
  EXPECT_THAT(AnswerTo("GET /page HTTP/1.0\r\n\r\n"), EndsWith("hello\n"));
  EXPECT_TRUE(strangers[0]->IsClosed()) << "the first made room";
}

TEST_F(HttpServerTest, AUnixSocketIsForOwnerAndGroup) {
  HttpServerOptions options;
  options.address = "unix://" + dir_.Path("metrics.sock");
  Start(options);
  EXPECT_EQ(server_->host(), dir_.Path("metrics.sock"));
  EXPECT_THAT(AnswerTo("GET /page HTTP/1.0\r\n\r\n"), EndsWith("hello\n"));
  struct stat info {};
  ASSERT_EQ(stat(server_->host().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0660u);
  server_ = nullptr;
  EXPECT_NE(stat(dir_.Path("metrics.sock").c_str(), &info), 0) << "it goes with the server";
}

TEST_F(HttpServerTest, AnAddressThatCannotBeHadIsNamed) {
  Start();
  for (const std::string& address : {std::string("1338"), std::string("localhost:1338"), std::string("127.0.0.1:x"),
                                     server_->host(), std::string("unix://relative"), "unix://" + dir_.path()}) {
    HttpServerOptions options;
    options.address = address;
    const absl::Status status = HttpServer::Start(options, {}).status();
    EXPECT_FALSE(status.ok()) << address;
    EXPECT_THAT(std::string(status.message()), HasSubstr(address.substr(address.find("//") + 1))) << "it is named";
  }
}

}  // namespace
}  // namespace crisp
