// What CreateContainer makes, and what status and list tell of it.
#include <sys/stat.h>

#include <future>
#include <nlohmann/json.hpp>
#include <set>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

class ContainerTest : public NodeTest {
 protected:
  std::vector<std::string> ListedIds(const cri::ContainerFilter& filter) { return IdsOf(Containers(filter)); }
};

TEST_F(ContainerTest, StatusGivesBackWhatWasAskedFor) {
  const PodRef pod = RunPod("status");
  cri::ContainerConfig config = ContainerOf("full", "sleep 1000");
  config.mutable_metadata()->set_attempt(2);
  (*config.mutable_labels())["a"] = "b";
  (*config.mutable_annotations())["c"] = "d\ne";
  MakeDirectory(node().paths().directory() + "/volume");
  AddMount(config, node().paths().directory() + "/volume", "/volume").set_readonly(true);
  config.mutable_linux()->mutable_resources()->set_cpu_shares(512);
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(64 << 20);
  config.mutable_image()->set_user_specified_image("busybox:1.36");
  (*config.mutable_image()->mutable_annotations())["e"] = "f";
  const std::string id = Start(pod, config);
  const cri::ContainerStatus status = StatusOf(id);
  EXPECT_EQ(status.id(), id);
  EXPECT_THAT(id, SizeIs(64));
  EXPECT_EQ(status.metadata().SerializeAsString(), config.metadata().SerializeAsString());
  EXPECT_EQ(status.state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(status.exit_code(), 0);
  EXPECT_EQ(status.labels().at("a"), "b");
  EXPECT_EQ(status.annotations().at("c"), "d\ne");
  EXPECT_EQ(status.log_path(), pod.LogPath("full"));
  ASSERT_THAT(status.mounts(), SizeIs(1));
  EXPECT_EQ(status.mounts(0).SerializeAsString(), config.mounts(0).SerializeAsString());
  EXPECT_EQ(status.resources().linux().cpu_shares(), 512);
  EXPECT_EQ(status.resources().linux().memory_limit_in_bytes(), 64 << 20);
  EXPECT_EQ(status.image().image(), "busybox:1.36") << "what the pod's author wrote";
  EXPECT_EQ(status.image().user_specified_image(), "busybox:1.36");
  EXPECT_EQ(status.image().annotations().at("e"), "f");
  const StoredImage& image = Store().images.at(kBusybox);
  EXPECT_EQ(status.image_id(), image.id);
  EXPECT_EQ(status.image_ref(), "docker.io/library/busybox@" + image.digest);
  EXPECT_EQ(status.stop_signal(), cri::SIGNAL_SIGTERM);
  EXPECT_EQ(status.user().linux().uid(), 0);

  const cri::Container listed = Containers().front();
  EXPECT_EQ(listed.id(), id);
  EXPECT_EQ(listed.pod_sandbox_id(), pod.id);
  EXPECT_EQ(listed.metadata().SerializeAsString(), config.metadata().SerializeAsString());
  EXPECT_EQ(listed.image().image(), kBusybox);
  EXPECT_EQ(listed.image().annotations().at("e"), "f");
  EXPECT_EQ(listed.image_id(), image.id);
  EXPECT_EQ(listed.state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(listed.created_at(), status.created_at());
  EXPECT_EQ(listed.labels().at("a"), "b");
  EXPECT_EQ(listed.annotations().at("c"), "d\ne");
}

TEST_F(ContainerTest, AVerboseStatusShowsThePidAndWhatTheRuntimeWasTold) {
  const PodRef pod = RunPod("verbose");
  const std::string id = Start(pod, ContainerOf("main", "sleep 1000"));
  const std::string running = Must(cri().ContainerStatus(id, true)).info().at("info");
  EXPECT_THAT(running, HasSubstr("\"pid\":" + std::to_string(PidOf(id)) + ","));
  EXPECT_THAT(running, HasSubstr("\"args\":[\"sh\",\"-c\",\"sleep 1000\"]"));
  Must(cri().StopContainer(id, 0));
  EXPECT_THAT(Must(cri().ContainerStatus(id, true)).info().at("info"), HasSubstr("\"pid\":0,"));
  EXPECT_THAT(Must(cri().ContainerStatus(id)).info(), IsEmpty());
}

// What scripts ask for with crictl inspect and inspectp.
TEST_F(ContainerTest, VerboseStatusesHaveTheFormOfContainerds) {
  const PodRef pod = RunPod("inspect");
  const std::string id = Start(pod, ContainerOf("main", "sleep 1000"));
  const auto container = nlohmann::json::parse(Must(cri().ContainerStatus(id, true)).info().at("info"));
  EXPECT_EQ(container["snapshotter"], "overlayfs");
  EXPECT_EQ(container["snapshotKey"], id);
  EXPECT_EQ(container["runtimeType"], "io.containerd.runc.v2");
  EXPECT_EQ(container["config"]["metadata"]["name"], "main");
  EXPECT_EQ(container["config"]["log_path"], "main.log");
  EXPECT_EQ(container["runtimeSpec"]["annotations"]["io.kubernetes.cri.image-name"], kBusybox);
  const auto sandbox = nlohmann::json::parse(Must(cri().PodStatus(pod.id, true)).info().at("info"));
  EXPECT_EQ(sandbox["image"], kPause);
  EXPECT_EQ(sandbox["config"]["metadata"]["name"], "inspect");
  EXPECT_EQ(sandbox["runtimeSpec"]["annotations"]["io.kubernetes.cri.sandbox-log-directory"],
            pod.config.log_directory());
  EXPECT_EQ(sandbox["cniResult"]["Interfaces"]["eth0"]["IPConfigs"][0]["IP"], PodStatus(pod.id).network().ip());
  // crictl inspectp ID | jq -r '.info.runtimeSpec.linux.namespaces[] | select(.type == "network") | .path'
  std::string netns;
  for (const auto& one : sandbox["runtimeSpec"]["linux"]["namespaces"]) {
    if (one["type"] == "network") netns = one["path"];
  }
  struct stat file {};
  struct stat process {};
  ASSERT_EQ(stat(netns.c_str(), &file), 0) << netns;
  ASSERT_EQ(stat(ProcPath(PidOf(id), "ns/net").c_str(), &process), 0);
  EXPECT_EQ(file.st_ino, process.st_ino);
}

TEST_F(ContainerTest, AnImageMayBeGivenByItsId) {
  const PodRef pod = RunPod("by-id");
  const StoredImage& image = Store().images.at(kBusybox);
  for (const std::string& name : {image.id, image.id.substr(7)}) {
    cri::ContainerConfig config = ContainerOf("by-" + name.substr(0, 6), "sleep 1000");
    config.mutable_image()->set_image(name);
    EXPECT_EQ(StatusOf(Start(pod, config)).image_id(), image.id);
  }
}

TEST_F(ContainerTest, ListFiltersByIdPrefixStatePodAndLabels) {
  const PodRef one = RunPod("one");
  const PodRef two = RunPod("two");
  cri::ContainerConfig labelled = ContainerOf("a", "sleep 1000");
  (*labelled.mutable_labels())["which"] = "a";
  const std::string a = Start(one, labelled);
  const std::string b = Create(one, ContainerOf("b", "true"));
  const std::string c = Start(two, ContainerOf("c", "true"));
  WaitForExit(c);

  cri::ContainerFilter filter;
  filter.set_id(a.substr(0, 12));
  EXPECT_THAT(ListedIds(filter), ElementsAre(a));
  filter.Clear();
  filter.set_pod_sandbox_id(one.id);
  EXPECT_THAT(ListedIds(filter), UnorderedElementsAre(a, b));
  filter.mutable_state()->set_state(cri::CONTAINER_CREATED);
  EXPECT_THAT(ListedIds(filter), ElementsAre(b));
  filter.Clear();
  filter.mutable_state()->set_state(cri::CONTAINER_EXITED);
  EXPECT_THAT(ListedIds(filter), ElementsAre(c));
  filter.Clear();
  (*filter.mutable_label_selector())["which"] = "a";
  EXPECT_THAT(ListedIds(filter), ElementsAre(a));
  EXPECT_EQ(StatusOf(a.substr(0, 13)).id(), a);
}

TEST_F(ContainerTest, CreatesOfOneNameMakeOneContainer) {
  const PodRef pod = RunPod("join");
  std::vector<std::future<std::string>> creates;
  for (int i = 0; i < 8; ++i) {
    creates.push_back(std::async(std::launch::async, [&] { return Create(pod, ContainerOf("one", "true")); }));
  }
  std::set<std::string> ids;
  for (auto& create : creates) ids.insert(create.get());
  EXPECT_THAT(ids, SizeIs(1));
  EXPECT_THAT(Containers(), SizeIs(1));
}

TEST_F(ContainerTest, AnImageThatIsNotPulledIsNotFound) {
  const PodRef pod = RunPod("no-image");
  cri::ContainerConfig config = ContainerOf("none", "true");
  config.mutable_image()->set_image("docker.io/library/absent:1");
  const auto answer = cri().CreateContainer(pod.id, pod.config, config);
  EXPECT_EQ(answer.code(), grpc::NOT_FOUND) << Describe(answer.status);
  EXPECT_THAT(answer.text(), HasSubstr("docker.io/library/absent:1"));
  EXPECT_THAT(Containers(), IsEmpty());
}

}  // namespace
}  // namespace crisp::e2e
