// For tests: a fixture with a streaming server over real processes, and helpers.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/testing/wait.h"
#include "streaming/stream_server.h"
#include "streaming/testing/process_target.h"
#include "streaming/testing/spdy_client.h"

namespace crisp {

class StreamTest : public testing::Test {
 protected:
  void StartServer(StreamServerOptions options = {}) {
    server_ = nullptr;
    auto server = StreamServer::Start(options, &target_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  void SetUp() override { StartServer(); }

  // After its client has gone, nothing of a session may be left.
  void TearDown() override {
    EXPECT_TRUE(Eventually([this] { return target_.live() == 0; })) << target_.live() << " sessions are left";
  }

  static StreamRequest Command(std::vector<std::string> command) {
    StreamRequest request;
    request.container_id = "c1";
    request.command = std::move(command);
    request.streams.output = true;
    return request;
  }
  static StreamRequest Shell(const std::string& script) { return Command({"sh", "-c", script}); }

  std::string ExecUrl(const StreamRequest& request) { return *server_->ExecUrl(request); }

  ProcessTarget target_;
  std::unique_ptr<StreamServer> server_;
};

// An exec over SPDY with the streams of its request.
struct SpdyExec {
  SpdyExec(const std::string& url, const StreamRequest& request, const std::string& protocol = "v4.channel.k8s.io")
      : client(SpdyClient::Connect(url, {protocol})) {
    result = client->OpenChannel("error");
    if (request.streams.input) input = client->OpenChannel("stdin");
    if (request.streams.output) output = client->OpenChannel("stdout");
    if (request.streams.error_output && !request.streams.terminal) error_output = client->OpenChannel("stderr");
    if (request.streams.terminal && protocol >= "v3") resize = client->OpenChannel("resize");
  }
  // Reads until the server closes.
  bool Finish() { return client->ReadUntilClosed(); }
  std::string& Output() { return client->stream(output).data; }
  std::string& ErrorOutput() { return client->stream(error_output).data; }
  std::string& Result() { return client->stream(result).data; }

  std::unique_ptr<SpdyClient> client;
  uint32_t result = 0;
  uint32_t input = 0;
  uint32_t output = 0;
  uint32_t error_output = 0;
  uint32_t resize = 0;
};

inline constexpr char kSuccess[] = R"({"metadata":{},"status":"Success"})";

}  // namespace crisp
