// Streams leave nothing behind: no descriptor, thread, cgroup or memory, in the daemon or the shim.
#include <atomic>
#include <thread>
#include <vector>

#include "e2e/stream_fixture.h"

namespace crisp::e2e {
namespace {

class StreamGrowthTest : public StreamTest {
 protected:
  void Begin() override {
    StreamTest::Begin();
    cri::ContainerConfig config = ContainerOf("cat", "cat");
    config.set_stdin(true);
    attached_ = Start(pod(), config);
    Main();
    shim_ = PidByCommand("crisp-shim");
    Sh(Main(), "true");  // with the first exec the shim loads its helper, which it keeps
  }

  // Streams of every kind, from four clients at once. A third of them vanish in the middle.
  void Run(int count) {
    std::atomic<int> next = 0;
    std::vector<std::thread> clients;
    for (int t = 0; t < 4; ++t) {
      clients.emplace_back([&] {
        for (int i = next++; i < count; i = next++) RunOne(i);
      });
    }
    for (auto& client : clients) client.join();
  }

  // Waits until the daemon has at most so many descriptors and threads, and the shim so many descriptors.
  void ExpectSettled(size_t daemon_fds, size_t shim_fds, size_t threads) {
    const auto settled = [&] {
      return CountOf(node().pid(), "fd") <= daemon_fds && CountOf(shim_, "fd") <= shim_fds &&
             CountOf(node().pid(), "task") <= threads;
    };
    EXPECT_TRUE(Eventually(settled, std::chrono::seconds(20)))
        << CountOf(node().pid(), "fd") << " of " << daemon_fds << " descriptors, " << CountOf(shim_, "fd") << " of "
        << shim_fds << " in the shim, " << CountOf(node().pid(), "task") << " of " << threads << " threads";
  }

  // The cgroups that execs make below their containers'.
  size_t ExecCgroups() {
    size_t count = 0;
    for (const std::string& path : node().Look().seen.at("cgroup")) {
      count += path.find("/exec-") != std::string::npos ? 1 : 0;
    }
    return count;
  }

  // What is nobody else's, in KiB. The share in pages of programs and libraries grows whenever another process ends.
  static int64_t Memory(pid_t pid) { return MemoryKib(pid, "smaps_rollup", "Pss_Anon"); }

  pid_t shim() const { return shim_; }

 private:
  void RunOne(int i) {
    if (i % 11 == 10) return AttachAndVanish(i % 2 == 0);
    if (i % 7 == 6) return UseATerminalAndVanish(i % 2 == 0);
    if (i % 13 == 12) return ForwardAndVanish(i % 2 == 0);
    const bool terminal = i % 5 == 4;
    Spdy exec(ExecUrl("read line; exit 1", terminal), terminal);
    if (i % 3 == 0) {
      if (i % 2 == 0) LetTimePass(std::chrono::milliseconds(20));  // vanishes once the process runs, or before
      exec.client->bytes().Drop(i % 4 == 0);
      return;
    }
    exec.client->Send(exec.input, "\n");
    EXPECT_TRUE(exec.client->ReadUntilClosed());
    EXPECT_THAT(exec.Result(), HasSubstr("\"1\""));
  }
  void AttachAndVanish(bool abruptly) {
    Spdy attach(AttachUrl(attached_));
    attach.client->Send(attach.input, "x\n");
    attach.ReadUntilOutput("x");
    attach.client->bytes().Drop(abruptly);
  }
  void UseATerminalAndVanish(bool typing) {
    const auto terminal = ChannelClient::Connect(ExecUrl("read line; sleep 1000", true), kV5);
    terminal->Send(4, R"({"Width":80,"Height":24})");
    if (typing) terminal->Send(0, "\n");
    terminal->Drop();
  }
  void ForwardAndVanish(bool abruptly) {
    const auto forward = SpdyClient::Connect(ForwardUrl(pod()), {kPortForward});
    for (const char* type : {"error", "data"}) {
      forward->Open({{"streamtype", type}, {"port", "8080"}, {"requestid", "1"}});
    }
    forward->bytes().Drop(abruptly);
  }

  std::string attached_;
  pid_t shim_ = -1;
};

// A tenth of ten thousand execs and a thousand attaches.
TEST_F(StreamGrowthTest, NothingGrowsInDaemonOrShim) {
  const pid_t daemon = node().pid();
  const size_t daemon_fds = CountOf(daemon, "fd"), shim_fds = CountOf(shim(), "fd");
  Run(100);
  ExpectSettled(daemon_fds + 4, shim_fds, 40);
  const size_t threads = CountOf(daemon, "task");
  const int64_t daemon_memory = Memory(daemon), shim_memory = Memory(shim());
  Run(1000);
  ExpectSettled(daemon_fds + 4, shim_fds, threads + 4);
  EXPECT_LE(ExecCgroups(), 16U) << "they are used again";
  EXPECT_LT(Memory(daemon), daemon_memory + (2 << 10));
  EXPECT_LT(Memory(shim()), shim_memory + 64);
}

}  // namespace
}  // namespace crisp::e2e
