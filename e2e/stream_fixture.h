// StreamTest: a pod with a container, and the URLs of streams into them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "e2e/fixture.h"
#include "streaming/testing/spdy_client.h"

namespace crisp::e2e {

inline constexpr char kSuccess[] = R"({"metadata":{},"status":"Success"})";
inline constexpr char kV5[] = "v5.channel.k8s.io";
inline constexpr char kPortForward[] = "portforward.k8s.io";

// An exec or attach over SPDY with input and output, and with `with_resize` the size of a terminal.
struct Spdy {
  explicit Spdy(const std::string& url, bool with_resize = false)
      : client(SpdyClient::Connect(url, {"v4.channel.k8s.io"})),
        result(client->OpenChannel("error")),
        input(client->OpenChannel("stdin")),
        output(client->OpenChannel("stdout")),
        resize(with_resize ? client->OpenChannel("resize") : 0) {}
  std::string& Output() { return client->stream(output).data; }
  std::string& Result() { return client->stream(result).data; }
  bool ReadUntilOutput(const std::string& text) {
    return client->ReadUntil([&] { return Output().find(text) != std::string::npos; });
  }

  std::unique_ptr<SpdyClient> client;
  uint32_t result, input, output, resize;
};

// Commands in containers of this machine can run without the OCI runtime (shim/native_launch.cc).
bool RunsNatively();

class StreamTest : public NodeTest {
 protected:
  void Begin() override { pod_ = RunPod("stream"); }

  const PodRef& pod() const { return pod_; }
  // A container that sleeps, started when it is first asked for. Not thread-safe before that.
  const std::string& Main();

  // A request for a shell that runs `script`, with input and output.
  static cri::ExecRequest ExecOf(const std::string& container, const std::string& script);
  std::string UrlOf(const cri::ExecRequest& request) { return Must(cri().Call(&Runtime::Exec, request)).url(); }
  std::string ExecUrl(const std::string& script, bool terminal = false);
  std::string AttachUrl(const std::string& container, bool terminal = false);
  std::string ForwardUrl(const PodRef& pod, const std::vector<int>& ports = {});

 private:
  PodRef pod_;
  std::string main_;
};

// Where the shim runs commands itself; other machines skip.
class NativeExecFixture : public StreamTest {
 protected:
  void SetUp() override {
    if (!RunsNatively()) GTEST_SKIP() << "needs cgroup v1, and no AppArmor";
    StreamTest::SetUp();
  }
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.crisp_toml = "native_exec = true\n";
    return options;
  }
};

}  // namespace crisp::e2e
