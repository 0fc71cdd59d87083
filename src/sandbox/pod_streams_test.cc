// Exec, attach and port-forward of real pods: the real shim and the real runc; images and network are the test's own.
// Needs root, runc and busybox-static.
#include "sandbox/pod_streams.h"
#include "images/image_counters.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "images/images.h"
#include "network/network.h"
#include "os/cgroup.h"
#include "os/file.h"
#include "os/mount.h"
#include "os/netlink.h"
#include "os/netns.h"
#include "os/reactor.h"
#include "os/testing/mount_namespace.h"
#include "os/testing/test_dir.h"
#include "runtime/shims.h"
#include "sandbox/container_exec.h"
#include "sandbox/pod_manager.h"
#include "sandbox/pod_table.h"
#include "sandbox/sandbox_options.h"
#include "store/database.h"

namespace crisp {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

// One image, the same directory for everybody.
class OneImage : public Images {
 public:
  OneImage(Layout layout, std::string rootfs) : layout_(std::move(layout)), rootfs_(std::move(rootfs)) {
    Image image;
    image.id = "sha256:" + std::string(64, 'a');
    image.size = 1;
    image.config.entrypoint = {"/bin/busybox", "sleep", "100000"};
    image_ = std::make_shared<const Image>(std::move(image));
  }
  absl::StatusOr<Commit> Prepare(ImagesOptions) override {
    return Commit([] {});
  }
  absl::StatusOr<std::string> Pull(const std::string&, const RegistryAuth&, const CallContext&) override {
    return image_->id;
  }
  absl::Status ImportLayouts(const std::string&, const CallContext&) override { return absl::OkStatus(); }
  std::shared_ptr<const Image> Find(const std::string&) override { return image_; }
  std::vector<std::shared_ptr<const Image>> List() override { return {image_}; }
  absl::Status Remove(const std::string&) override { return absl::OkStatus(); }
  absl::StatusOr<FsUsage> Usage() override { return FsUsage(); }
  const ImageCounters& counters() const override { return counters_; }
  absl::Status MountRootfs(const std::string&, const std::string& container, const std::string& target,
                           const RootfsOptions&) override {
    RETURN_IF_ERROR(MakeDirs(layout_.Container(container), 0700));
    return BindMount(rootfs_, target);
  }
  absl::Status ReleaseRootfs(const std::string& container, const std::string& target) override {
    umount2(target.c_str(), MNT_DETACH);
    return RemoveTree(layout_.Container(container));
  }

 private:
  const Layout layout_;
  const std::string rootfs_;
  std::shared_ptr<const Image> image_;
  ImageCounters counters_;
};

// Loopback only.
class LoopbackNetwork : public Network {
 public:
  absl::StatusOr<Commit> Prepare(CniOptions) override {
    return Commit([] {});
  }
  absl::Status Ready() override { return absl::OkStatus(); }
  absl::Status SetPodCidrs(const std::string&) override { return absl::OkStatus(); }
  absl::StatusOr<CniAttachment> Plan(const PodNetworkRequest& request) override {
    return CniAttachment{request.netns_path, ""};
  }
  absl::StatusOr<PodAddresses> Attach(CniAttachment* attachment, const CallContext&) override {
    ASSIGN_OR_RETURN(Netlink netlink, Netlink::OpenIn(attachment->plan));
    RETURN_IF_ERROR(netlink.BringUp("lo"));
    return PodAddresses{"192.0.2.1", {}};
  }
  absl::Status Detach(const CniAttachment&, const CallContext&) override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<PluginCheck>> Check(const CniAttachment&, const CallContext&) override {
    return std::vector<PluginCheck>();
  }
  absl::Status CollectGarbage(absl::FunctionRef<std::vector<std::string>()>, const CallContext&) override {
    return absl::OkStatus();
  }
  bool PluginsInstalled(const CniAttachment&) override { return true; }
  std::string Describe() override { return "{}"; }
  const NetworkCounters& counters() const override { return counters_; }

 private:
  NetworkCounters counters_;
};

class PodStreamsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    if (!Exists("/usr/sbin/runc")) GTEST_SKIP() << "needs runc";
    EnterMountNamespace();
    cgroup_ = absl::StrCat("/crisp-streams-", getpid());
    MakeRootfs();
    OpenManager();
  }
  void TearDown() override {
    if (IsSkipped()) return;
    for (const std::string& pod : pods_) {
      EXPECT_TRUE(manager_->StopPod(pod, call_).ok());
      EXPECT_TRUE(manager_->RemovePod(pod, call_).ok());
    }
    manager_.reset();
    EXPECT_TRUE(RemoveCgroups(*ContainerCgroups(cgroup_, false)).ok());
    database_.reset();
  }

  void MakeRootfs() {
    for (const char* path : {"rootfs/bin", "rootfs/proc", "rootfs/dev", "rootfs/sys", "rootfs/etc"}) {
      ASSERT_TRUE(MakeDirs(absl::StrCat(dir_, "/", path), 0755).ok());
    }
    const auto busybox = ReadFileAt(AT_FDCWD, "/bin/busybox", 16 << 20);
    ASSERT_TRUE(busybox.ok()) << "needs busybox-static: " << busybox.status();
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/rootfs/bin/busybox", *busybox, 0755).ok());
  }

  void OpenManager() {
    const Layout layout(dir_ + "/root", dir_ + "/state", true);
    SandboxOptions options;
    options.runtimes["runc"] = {"/usr/sbin/runc", layout.RuntimeRoot("runc"), false, false, false};
    options.default_runtime = "runc";
    options.sandbox_image = "pause";
    options.shim_program = CRISP_SHIM;
    for (const std::string& path : {layout.root(), layout.Pods(), layout.Containers(), layout.RuntimeRoot("runc")}) {
      ASSERT_TRUE(MakeDirs(path, 0711).ok());
    }
    database_ = *Database::Open(layout.Database());
    images_ = std::make_unique<OneImage>(layout, dir_ + "/rootfs");
    shims_ = MakeShims(reactor_.get());
    auto manager = PodManager::Open({layout, &table_, database_.get(), images_.get(), &network_, shims_.get(), nullptr},
                                    std::move(options));
    ASSERT_TRUE(manager.ok()) << manager.status();
    manager_ = *std::move(manager);
    streams_ = std::make_unique<PodStreams>(&table_, &manager_->exec());
  }

  std::string RunPod(bool host_network = false) {
    cri::RunPodSandboxRequest request;
    cri::PodSandboxConfig& config = *request.mutable_config();
    config.mutable_metadata()->set_name(absl::StrCat("p", pods_.size()));
    config.mutable_metadata()->set_uid("u");
    config.mutable_metadata()->set_namespace_("n");
    config.mutable_linux()->set_cgroup_parent(cgroup_);
    cri::NamespaceOption& options = *config.mutable_linux()->mutable_security_context()->mutable_namespace_options();
    options.set_pid(cri::CONTAINER);
    if (host_network) options.set_network(cri::NODE);
    pod_config_ = config;
    const auto id = manager_->RunPod(request, call_);
    EXPECT_TRUE(id.ok()) << id.status();
    if (id.ok()) pods_.push_back(*id);
    return id.value_or("");
  }

  std::string Create(const std::string& pod, const std::string& script,
                     const std::function<void(cri::ContainerConfig*)>& change = {}) {
    cri::CreateContainerRequest request;
    request.set_pod_sandbox_id(pod);
    *request.mutable_sandbox_config() = pod_config_;
    cri::ContainerConfig& config = *request.mutable_config();
    config.mutable_metadata()->set_name("c");
    config.mutable_image()->set_image("busybox");
    for (const std::string& word : {std::string("/bin/busybox"), std::string("sh"), std::string("-c"), script}) {
      config.add_command(word);
    }
    *config.mutable_linux()->mutable_security_context()->mutable_namespace_options() =
        pod_config_.linux().security_context().namespace_options();
    cri::KeyValue& env = *config.add_envs();
    env.set_key("COLOUR");
    env.set_value("green");
    if (change) change(&config);
    const auto id = manager_->CreateContainer(request, call_);
    EXPECT_TRUE(id.ok()) << id.status();
    return id.value_or("");
  }
  std::string Start(const std::string& script, const std::function<void(cri::ContainerConfig*)>& change = {}) {
    const std::string id = Create(RunPod(), script, change);
    const absl::Status started = manager_->StartContainer(id, call_);
    EXPECT_TRUE(started.ok()) << started;
    return id;
  }

  static StreamRequest Shell(const std::string& container, const std::string& script, bool terminal = false) {
    return {container, {"/bin/busybox", "sh", "-c", script}, {terminal, true, true, !terminal}};
  }

  static std::string ReadToEnd(const Fd& fd) {
    std::string text;
    char buffer[4096];
    for (pollfd ready{fd.get(), POLLIN, 0}; poll(&ready, 1, 20000) > 0;) {
      const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
      if (n <= 0) break;
      text.append(buffer, static_cast<size_t>(n));
    }
    return text;
  }
  absl::StatusOr<Fd> Dial(const std::string& pod, uint16_t port) {
    ASSIGN_OR_RETURN(LoopbackDial dial, streams_->Dial(pod, port));
    for (;;) {
      ASSIGN_OR_RETURN(const bool connected, dial.Step());
      if (connected) return dial.Take();
      pollfd decided{dial.socket(), POLLOUT, 0};
      poll(&decided, 1, 20000);
    }
  }
  static absl::StatusOr<int> EndOf(StreamSession& session) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<int>>>();
    session.OnExit([promise](absl::StatusOr<int> how) { promise->set_value(std::move(how)); });
    auto end = promise->get_future();
    if (end.wait_for(seconds(20)) != std::future_status::ready) return absl::DeadlineExceededError("it has not ended");
    return end.get();
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
  std::string cgroup_;
  const std::unique_ptr<Reactor> reactor_ = *Reactor::Start();
  std::unique_ptr<Database> database_;
  std::unique_ptr<OneImage> images_;
  LoopbackNetwork network_;
  std::unique_ptr<Shims> shims_;
  PodTable table_;
  std::unique_ptr<PodManager> manager_;
  std::unique_ptr<PodStreams> streams_;
  std::vector<std::string> pods_;
  cri::PodSandboxConfig pod_config_;
  const CallContext call_ = CallContext::WithTimeout(seconds(60));
};

TEST_F(PodStreamsTest, AnExecRunsInTheContainersEnvironment) {
  const std::string id = Start("sleep 100000");
  auto session = streams_->OpenExec(Shell(id.substr(0, 12), "cat; echo $COLOUR-$TERM >&2; exit 9"), call_);
  ASSERT_TRUE(session.ok()) << session.status();
  StreamDescriptors ends = (*session)->TakeDescriptors();
  ASSERT_EQ(write(ends.input.get(), "in", 2), 2);
  ends.input.reset();
  EXPECT_EQ(ReadToEnd(ends.output), "in");
  EXPECT_EQ(ReadToEnd(ends.error_output), "green-\n");
  EXPECT_EQ(EndOf(**session).value(), 9);
}

TEST_F(PodStreamsTest, AnExecWithATerminalHasATerm) {
  const std::string id = Start("sleep 100000");
  auto session = streams_->OpenExec(Shell(id, "test -t 0 && echo $TERM", true), call_);
  ASSERT_TRUE(session.ok()) << session.status();
  EXPECT_EQ(ReadToEnd((*session)->TakeDescriptors().output), "xterm\r\n");
  EXPECT_EQ(EndOf(**session).value(), 0);
}

TEST_F(PodStreamsTest, WhatDoesNotRunIsAFailedPreconditionAndWhatIsNotThereIsNotFound) {
  const std::string id = Create(RunPod(), "exit 0");
  const absl::Status created = streams_->OpenExec(Shell(id, "true"), call_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(created)) << created;
  EXPECT_THAT(std::string(created.message()), HasSubstr("has not been started"));
  EXPECT_TRUE(absl::IsFailedPrecondition(streams_->OpenAttach(Shell(id, ""), call_).status()));
  ASSERT_TRUE(manager_->StartContainer(id, call_).ok());
  ASSERT_TRUE(manager_->StopContainer(id, 5, call_).ok());
  const absl::Status exited = streams_->OpenExec(Shell(id, "true"), call_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(exited)) << exited;
  EXPECT_THAT(std::string(exited.message()), HasSubstr("has exited"));
  EXPECT_TRUE(absl::IsNotFound(streams_->OpenExec(Shell("feed", "true"), call_).status()));
  EXPECT_TRUE(absl::IsNotFound(streams_->Dial("feed", 80).status()));
}

TEST_F(PodStreamsTest, AnExecMayHaveMoreTimeThanThereIs) {
  cri::ExecSyncRequest request;
  request.set_container_id(Start("sleep 100000"));
  for (const char* word : {"/bin/busybox", "sleep", "0.1"}) request.add_cmd(word);
  request.set_timeout(INT64_MAX);
  const auto response = manager_->exec().ExecSync(request, call_);
  EXPECT_TRUE(response.ok()) << response.status();
}

TEST_F(PodStreamsTest, AContainerWithStdinOnceEndsWithTheAttachment) {
  const std::string id = Start("cat; exit 5", [](cri::ContainerConfig* config) {
    config->set_stdin(true);
    config->set_stdin_once(true);
  });
  auto session = streams_->OpenAttach(Shell(id, ""), call_);
  ASSERT_TRUE(session.ok()) << session.status();
  StreamDescriptors ends = (*session)->TakeDescriptors();
  ASSERT_EQ(write(ends.input.get(), "hello\n", 6), 6);
  ends.input.reset();
  EXPECT_EQ(ReadToEnd(ends.output), "hello\n");
  EXPECT_EQ(EndOf(**session).value(), 5);
}

TEST_F(PodStreamsTest, AContainerWithATerminalIsTypedTo) {
  const std::string id = Start("read line; stty size; echo $TERM-$line", [](cri::ContainerConfig* config) {
    config->set_stdin(true);
    config->set_tty(true);
  });
  auto session = streams_->OpenAttach(Shell(id, "", true), call_);
  ASSERT_TRUE(session.ok()) << session.status();
  const StreamDescriptors ends = (*session)->TakeDescriptors();
  (*session)->Resize(90, 20);
  ASSERT_EQ(write(ends.input.get(), "x\n", 2), 2);
  EXPECT_EQ(ReadToEnd(ends.output), "x\r\n20 90\r\nxterm-x\r\n");
}

TEST_F(PodStreamsTest, InputToAContainerWithoutStdinIsRefused) {
  const std::string id = Start("sleep 100000");
  const absl::Status refused = streams_->OpenAttach(Shell(id, ""), call_).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("created without stdin"));
}

TEST_F(PodStreamsTest, DialReachesThePodsOwnLoopback) {
  const std::string id = Start("while :; do echo from the pod | busybox nc -l -p 8080; done");
  const std::string pod = pods_.front();
  absl::StatusOr<Fd> connection = absl::InternalError("");
  for (int i = 0; i < 100 && !connection.ok(); ++i) {
    usleep(20000);
    connection = Dial(pod.substr(0, 10), 8080);
  }
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ(ReadToEnd(*connection), "from the pod\n");
  const absl::Status refused = Dial(pod, 81).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("Connection refused"));
  ASSERT_TRUE(manager_->StopPod(pod, call_).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(streams_->Dial(pod, 8080).status()));
}

TEST_F(PodStreamsTest, DialOfAPodOnTheHostsNetworkIsTheHosts) {
  const std::string pod = RunPod(true);
  const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(name);
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  ASSERT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  const auto connection = Dial(pod, ntohs(name.sin_port));
  EXPECT_TRUE(connection.ok()) << connection.status();
}

}  // namespace
}  // namespace crisp
