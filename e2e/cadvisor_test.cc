// What the kubelet's cAdvisor asks of a runtime, and what it makes labels of. The client here does as cAdvisor does: it
// finds containers by the cgroups of the node.
#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <map>
#include <regex>

#include "api/containerd/containerd.h"
#include "api/containerd/containers.grpc.pb.h"
#include "api/containerd/tasks.grpc.pb.h"
#include "api/containerd/version.grpc.pb.h"
#include "e2e/cgroup_files.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

// The labels that series of one cgroup have.
struct Series {
  std::string container, pod, space, image;
  bool has_network = false;
  bool operator==(const Series&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Series& series) {
  return out << "container=" << series.container << " pod=" << series.pod << " namespace=" << series.space
             << " image=" << series.image << (series.has_network ? " with network" : "");
}

class Cadvisor {
 public:
  explicit Cadvisor(const std::string& socket)
      : channel_(grpc::CreateChannel("unix:" + socket, grpc::InsecureChannelCredentials())) {}

  std::string Version() {
    grpc::ClientContext context;
    containerd_version::VersionResponse response;
    const grpc::Status status =
        containerd_version::Version::NewStub(channel_)->Version(&context, google::protobuf::Empty(), &response);
    return status.ok() ? response.version() : "no version: " + status.error_message();
  }
  grpc::StatusCode Get(const std::string& id, containerd_containers::Container* container,
                       const std::string& space = "k8s.io") {
    grpc::ClientContext context;
    if (!space.empty()) context.AddMetadata("containerd-namespace", space);
    containerd_containers::GetContainerRequest request;
    request.set_id(id);
    containerd_containers::GetContainerResponse response;
    const grpc::Status status = containerd_containers::Containers::NewStub(channel_)->Get(&context, request, &response);
    *container = response.container();
    return status.error_code();
  }
  containerd_types::Process Task(const std::string& id) {
    grpc::ClientContext context;
    context.AddMetadata("containerd-namespace", "k8s.io");
    containerd_tasks::GetRequest request;
    request.set_container_id(id);
    containerd_tasks::GetResponse response;
    const grpc::Status status = containerd_tasks::Tasks::NewStub(channel_)->Get(&context, request, &response);
    EXPECT_TRUE(status.ok()) << id << ": " << status.error_message();
    return response.process();
  }

  // Of the cgroups below `directory`, by the id in their names.
  std::map<std::string, Series> Scrape(const std::string& directory) {
    static const std::regex kId("[0-9a-f]{64}");
    std::map<std::string, Series> all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
      const std::string name = entry.path().filename();
      std::smatch found;
      if (!entry.is_directory() || EndsWithMount(name) || !std::regex_search(name, found, kId)) continue;
      containerd_containers::Container container;
      if (Get(found[0], &container) == grpc::OK) all[found[0]] = SeriesOf(container);
    }
    return all;
  }

 private:
  static bool EndsWithMount(const std::string& name) { return name.ends_with(".mount"); }

  Series SeriesOf(const containerd_containers::Container& container) {
    const std::map<std::string, std::string> labels(container.labels().begin(), container.labels().end());
    const auto label = [&](const std::string& key) { return labels.count(key) > 0 ? labels.at(key) : ""; };
    Series series = {label("io.kubernetes.container.name"), label("io.kubernetes.pod.name"),
                     label("io.kubernetes.pod.namespace"), container.image()};
    const containerd_types::Process process = Task(container.id());
    EXPECT_EQ(process.status(), containerd_types::RUNNING);
    // Network series are made for one container of a pod only.
    series.has_network =
        label("io.cri-containerd.kind") == "sandbox" &&
        ReadFile(ProcPath(static_cast<pid_t>(process.pid()), "net/dev")).find("eth0:") != std::string::npos;
    return series;
  }

  std::shared_ptr<grpc::Channel> channel_;
};

class CadvisorTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.crisp_toml = "containerd_address = \"" + second_ + "\"\n";
    return options;
  }
  void TearDown() override {
    NodeTest::TearDown();
    std::filesystem::remove_all(std::filesystem::path(second_).parent_path());
  }

  std::string Cgroups() { return (HasCgroupV2() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu") + node().cgroup_parent(); }

  const std::string second_ = "/run/crisp-cadvisor-test/containerd.sock";
};

TEST_F(CadvisorTest, EveryCgroupOfAPodHasItsLabels) {
  cri::PodSandboxConfig config = PodConfig("web-0");
  config.mutable_metadata()->set_namespace_("shop");
  const PodRef pod = RunPod(config);
  const std::string one = Start(pod, ContainerOf("one", "sleep 1000"));
  const std::string two = Start(pod, ContainerOf("two", "sleep 1000"));
  Sh(one, "true");  // leaves a cgroup of its own below that of the container
  const std::map<std::string, Series> expected = {
      {pod.id, {"", "web-0", "shop", kPause, true}},
      {one, {"one", "web-0", "shop", kBusybox, false}},
      {two, {"two", "web-0", "shop", kBusybox, false}},
  };
  for (const std::string& socket : {node().paths().socket(), second_}) {
    Cadvisor cadvisor(socket);
    EXPECT_EQ(cadvisor.Version(), CRISP_VERSION);
    EXPECT_EQ(cadvisor.Scrape(Cgroups()), expected) << socket;
  }
}

TEST_F(CadvisorTest, WhatIsNotItsOwnIsNotFound) {
  const PodRef pod = RunPod("pod");
  const std::string container = Start(pod, ContainerOf("sleeper", "exec sleep 1000"));
  Cadvisor cadvisor(second_);
  containerd_containers::Container found;
  EXPECT_EQ(cadvisor.Get(std::string(64, 'f'), &found), grpc::NOT_FOUND);
  EXPECT_EQ(cadvisor.Get(container.substr(0, 12), &found), grpc::NOT_FOUND);
  EXPECT_EQ(cadvisor.Get(container, &found, "moby"), grpc::NOT_FOUND);
  EXPECT_EQ(cadvisor.Get(container, &found, ""), grpc::FAILED_PRECONDITION);
  EXPECT_EQ(cadvisor.Get(container, &found), grpc::OK);
  EXPECT_EQ(cadvisor.Task(container).pid(), static_cast<uint32_t>(PidOf(container)));
  Must(cri().StopContainer(container, 0));
  EXPECT_EQ(cadvisor.Task(container).status(), containerd_types::STOPPED);
  EXPECT_EQ(cadvisor.Task(container).exit_status(), 137u);
  Must(cri().RemoveContainer(container));
  EXPECT_EQ(cadvisor.Get(container, &found), grpc::NOT_FOUND);
  for (const LogRecord& line : node().LogRecords()) {
    EXPECT_TRUE(line.message != "Containers.Get" || line.level == "debug") << "it asks for others' containers, too";
  }
}

}  // namespace
}  // namespace crisp::e2e
