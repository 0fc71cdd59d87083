#include "stats/status_view.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "os/testing/test_dir.h"
#include "stats/testing/made_pods.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using PodState = Pod::State;
using ContainerState = Container::State;

class StatusViewTest : public testing::Test {
 protected:
  std::vector<std::string> ListedPods(const cri::PodSandboxFilter& filter = {}) const {
    std::vector<std::string> ids;
    for (const cri::PodSandbox& pod : view_.ListPods(filter)) ids.push_back(pod.id());
    return ids;
  }
  std::vector<std::string> ListedContainers(const cri::ContainerFilter& filter = {}) const {
    std::vector<std::string> ids;
    for (const cri::Container& container : view_.ListContainers(filter)) ids.push_back(container.id());
    return ids;
  }
  nlohmann::json InfoOfPod(const std::string& id) const {
    return nlohmann::json::parse(view_.OfPod(id, /*verbose=*/true)->info().at("info"));
  }
  nlohmann::json InfoOfContainer(const std::string& id) const {
    return nlohmann::json::parse(view_.OfContainer(id, /*verbose=*/true)->info().at("info"));
  }

  const TestDir dir_;
  const Layout layout_{dir_.Path("root"), dir_.Path("state"), /*netns_under_state=*/true};
  MadePods made_;
  const StatusView view_{layout_, made_.table()};
};

TEST_F(StatusViewTest, APodIsReadyInOneStateOnlyAndHiddenWhileItIsMadeOrUndone) {
  made_.AddPod("creating", 1, PodState::kCreating);
  made_.AddPod("undoing", 2, PodState::kUndoing);
  made_.AddPod("removed", 3, PodState::kRemoved);
  made_.AddPod("ready", 4, PodState::kReady);
  made_.AddPod("leftover", 5, PodState::kLeftover);
  made_.AddPod("ended", 6, PodState::kEnded);
  made_.AddPod("stopping", 7, PodState::kStopping);
  made_.AddPod("stopped", 8, PodState::kStopped);
  made_.AddPod("removing", 9, PodState::kRemoving);
  EXPECT_THAT(ListedPods(), ElementsAre("ready", "leftover", "ended", "stopping", "stopped", "removing"));
  for (const cri::PodSandbox& pod : view_.ListPods({})) {
    EXPECT_EQ(pod.state(), pod.id() == "ready" ? cri::SANDBOX_READY : cri::SANDBOX_NOTREADY) << pod.id();
    EXPECT_EQ(view_.OfPod(pod.id(), false)->status().state(), pod.state()) << pod.id();
  }
  for (const char* hidden : {"creating", "undoing", "removed", "never-seen"}) {
    EXPECT_EQ(view_.OfPod(hidden, false).status().code(), absl::StatusCode::kNotFound) << hidden;
  }
}

TEST_F(StatusViewTest, PodsAreListedOldestFirst) {
  made_.AddPod("a", 30);
  made_.AddPod("c", 10);
  made_.AddPod("b", 10);
  EXPECT_THAT(ListedPods(), ElementsAre("b", "c", "a"));
}

TEST_F(StatusViewTest, PodsAreFilteredByPrefixStateAndLabelsTogether) {
  Label(made_.AddPod("abc1", 1), "app", "web");
  Label(made_.AddPod("abc2", 2, PodState::kStopped), "app", "web");
  Label(made_.AddPod("abd3", 3), "app", "db");
  cri::PodSandboxFilter filter;
  filter.set_id("abc");
  EXPECT_THAT(ListedPods(filter), ElementsAre("abc1", "abc2"));
  filter.mutable_state()->set_state(cri::SANDBOX_READY);
  EXPECT_THAT(ListedPods(filter), ElementsAre("abc1")) << "READY is 0, and still a filter";
  filter.mutable_state()->set_state(cri::SANDBOX_NOTREADY);
  EXPECT_THAT(ListedPods(filter), ElementsAre("abc2"));
  filter.clear_state();
  (*filter.mutable_label_selector())["app"] = "db";
  EXPECT_THAT(ListedPods(filter), IsEmpty());
  filter.clear_id();
  EXPECT_THAT(ListedPods(filter), ElementsAre("abd3"));
}

TEST_F(StatusViewTest, AListedPodHasWhatItsConfigurationSays) {
  const PodPtr pod = made_.AddPod("p", 7);
  Label(pod, "app", "web");
  pod->UpdateRecord([](PodRecord* record) {
    (*record->mutable_config()->mutable_annotations())["note"] = "text";
    record->set_runtime_handler("kata");
  });
  const cri::PodSandbox item = view_.ListPods({}).at(0);
  EXPECT_EQ(item.metadata().name(), "pod-p");
  EXPECT_EQ(item.labels().at("app"), "web");
  EXPECT_EQ(item.annotations().at("note"), "text");
  EXPECT_EQ(item.runtime_handler(), "kata");
  EXPECT_EQ(item.created_at(), 7);
}

TEST_F(StatusViewTest, TheStatusOfAPodHasThoseOfItsVisibleContainersOldestFirst) {
  const PodPtr pod = made_.AddPod("p");
  made_.AddContainer(pod, "a", 20);
  made_.AddContainer(pod, "b", 10, ContainerState::kExited);
  made_.AddContainer(pod, "c", 15, ContainerState::kCreating);
  made_.AddContainer(made_.AddPod("other"), "d");
  const auto response = view_.OfPod("p", false);
  ASSERT_EQ(response.status(), absl::OkStatus());
  ASSERT_EQ(response->containers_statuses_size(), 2);
  EXPECT_EQ(response->containers_statuses(0).id(), "b");
  EXPECT_EQ(response->containers_statuses(1).id(), "a");
  EXPECT_GT(response->timestamp(), 0);
  EXPECT_TRUE(response->info().empty()) << "only a verbose status has it";
}

TEST_F(StatusViewTest, AVerbosePodStatusTellsWhatIsOnTheNode) {
  const PodPtr pod = made_.AddPod("p");
  pod->UpdateRecord([](PodRecord* record) {
    record->set_pause_pid(77);
    record->set_netns_path("/run/netns/p");
    record->set_cgroups_path("/kubepods/p/p");
    record->mutable_config()->mutable_linux()->mutable_overhead()->set_cpu_shares(2);
    record->mutable_config()->mutable_linux()->mutable_resources()->set_cpu_shares(3);
    record->mutable_updated_resources()->set_cpu_shares(30);
  });
  const nlohmann::json info = InfoOfPod("p");
  EXPECT_EQ(info["pid"], 77);
  EXPECT_EQ(info["netns"], "/run/netns/p");
  EXPECT_EQ(info["cgroupsPath"], "/kubepods/p/p");
  EXPECT_EQ(info["runtime"], "/usr/bin/runc");
  EXPECT_EQ(info["overhead"]["linux"]["cpu_shares"], 2);
  EXPECT_EQ(info["resources"]["linux"]["cpu_shares"], 30) << "what was said last";
  pod->MarkEnded();
  EXPECT_EQ(InfoOfPod("p")["pid"], 0) << "the number may be another process' by now";
}

// The members that scripts ask for with `crictl inspectp` and jq, as containerd has them.
TEST_F(StatusViewTest, AVerbosePodStatusHasTheFormOfContainerds) {
  const PodPtr pod = made_.AddPod("p");
  pod->UpdateRecord([&](PodRecord* record) {
    record->set_netns_path(dir_.Path("netns"));
    record->set_cni_result(R"({"version": 1, "results": [{"interfaces": [{"name": "eth0", "sandbox": "/n"}],
                               "ips": [{"interface": 0, "address": "10.0.0.5/24"}]}]})");
    record->mutable_config()->set_log_directory("/var/log/pods/p");
  });
  EXPECT_TRUE(InfoOfPod("p")["runtimeSpec"].is_null()) << "there is no bundle";
  EXPECT_EQ(InfoOfPod("p")["netNamespaceClosed"], true) << "its pin is not there";
  ASSERT_TRUE(MakeDirs(layout_.Bundle("p", "p"), 0700).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_.Path("netns"), "", 0600).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, layout_.Spec("p", "p"),
                          R"({"annotations": {"io.kubernetes.cri.podsandbox.image-name": "pause:3.6"},
                              "linux": {"namespaces": [{"type": "pid"}, {"type": "network"}]}})",
                          0600)
                  .ok());
  const nlohmann::json info = InfoOfPod("p");
  EXPECT_EQ(info["processStatus"], "running");
  EXPECT_EQ(info["netNamespaceClosed"], false);
  EXPECT_EQ(info["image"], "pause:3.6");
  EXPECT_EQ(info["snapshotKey"], "p");
  EXPECT_EQ(info["snapshotter"], "overlayfs");
  EXPECT_EQ(info["runtimeType"], "io.containerd.runc.v2");
  EXPECT_EQ(info["runtimeOptions"]["binary_name"], "/usr/bin/runc");
  EXPECT_EQ(info["config"]["metadata"]["name"], "pod-p");
  EXPECT_EQ(info["config"]["log_directory"], "/var/log/pods/p");
  EXPECT_EQ(info["cniResult"]["Interfaces"]["eth0"]["IPConfigs"][0]["IP"], "10.0.0.5");
  EXPECT_EQ(info["runtimeSpec"]["linux"]["namespaces"],
            nlohmann::json::parse(R"([{"type": "pid"}, {"type": "network", "path": ")" + dir_.Path("netns") + "\"}]"))
      << "the runtime made that of a user namespace, and got no path";
  EXPECT_FALSE(info.contains("overhead"));
  pod->MarkEnded();
  EXPECT_EQ(InfoOfPod("p")["processStatus"], "deleted");
}

TEST_F(StatusViewTest, AContainerIsCreatedUntilItsStartIsAnswered) {
  const PodPtr pod = made_.AddPod("p");
  made_.AddContainer(pod, "created", 1, ContainerState::kCreated);
  made_.AddContainer(pod, "starting", 2, ContainerState::kStarting);
  made_.AddContainer(pod, "running", 3, ContainerState::kRunning);
  made_.AddContainer(pod, "exited", 4, ContainerState::kExited);
  made_.AddContainer(pod, "removing", 5, ContainerState::kExited)->MoveTo(ContainerState::kRemoving);
  made_.AddContainer(pod, "hidden", 6, ContainerState::kCreating);
  made_.AddContainer(pod, "aborted", 7, ContainerState::kAborted);
  std::map<std::string, cri::ContainerState> states;
  for (const cri::Container& container : view_.ListContainers({})) states[container.id()] = container.state();
  const std::map<std::string, cri::ContainerState> expected = {{"created", cri::CONTAINER_CREATED},
                                                               {"starting", cri::CONTAINER_CREATED},
                                                               {"running", cri::CONTAINER_RUNNING},
                                                               {"exited", cri::CONTAINER_EXITED},
                                                               {"removing", cri::CONTAINER_EXITED}};
  EXPECT_EQ(states, expected);
  for (const auto& [id, state] : expected) EXPECT_EQ(view_.OfContainer(id, false)->status().state(), state) << id;
  EXPECT_EQ(view_.OfContainer("hidden", false).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(StatusViewTest, ContainersAreFilteredByPodPrefixStateAndLabelsTogether) {
  const PodPtr web = made_.AddPod("web");
  Label(made_.AddContainer(web, "abc1", 1), "role", "main");
  Label(made_.AddContainer(web, "abd2", 2, ContainerState::kExited), "role", "main");
  Label(made_.AddContainer(made_.AddPod("db"), "abc3", 3), "role", "side");
  cri::ContainerFilter filter;
  filter.set_id("abc");
  EXPECT_THAT(ListedContainers(filter), ElementsAre("abc1", "abc3"));
  filter.set_pod_sandbox_id("we");
  EXPECT_THAT(ListedContainers(filter), ElementsAre("abc1"));
  filter.clear_id();
  filter.mutable_state()->set_state(cri::CONTAINER_EXITED);
  EXPECT_THAT(ListedContainers(filter), ElementsAre("abd2"));
  filter.mutable_state()->set_state(cri::CONTAINER_CREATED);
  EXPECT_THAT(ListedContainers(filter), IsEmpty()) << "CREATED is 0, and still a filter";
  filter.clear_state();
  (*filter.mutable_label_selector())["role"] = "side";
  EXPECT_THAT(ListedContainers(filter), IsEmpty());
  filter.clear_pod_sandbox_id();
  EXPECT_THAT(ListedContainers(filter), ElementsAre("abc3"));
}

TEST_F(StatusViewTest, AListedContainerHasThePodAndTheImage) {
  const ContainerPtr container = made_.AddContainer(made_.AddPod("p"), "c", 9);
  container->UpdateRecord([](ContainerRecord* record) {
    record->set_image_id("sha256:id");
    record->set_image_ref("registry/app@sha256:digest");
    record->mutable_config()->mutable_image()->set_image("app:1");
    (*record->mutable_config()->mutable_annotations())["note"] = "text";
  });
  const cri::Container item = view_.ListContainers({}).at(0);
  EXPECT_EQ(item.pod_sandbox_id(), "p");
  EXPECT_EQ(item.metadata().name(), "container-c");
  EXPECT_EQ(item.image().image(), "app:1");
  EXPECT_EQ(item.image_id(), "sha256:id");
  EXPECT_EQ(item.image_ref(), "registry/app@sha256:digest");
  EXPECT_EQ(item.annotations().at("note"), "text");
  EXPECT_EQ(item.created_at(), 9);
}

TEST_F(StatusViewTest, AVerboseContainerStatusShowsTheSpecAsLongAsItIsThere) {
  const PodPtr pod = made_.AddPod("p");
  const ContainerPtr container = made_.AddContainer(pod, "c");
  container->UpdateRecord([](ContainerRecord* record) { record->set_cgroups_path("/kubepods/p/c"); });
  EXPECT_TRUE(InfoOfContainer("c")["runtimeSpec"].is_null()) << "there is no bundle";
  ASSERT_TRUE(MakeDirs(layout_.Bundle("p", "c"), 0700).ok());
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, layout_.Spec("p", "c"), R"({"ociVersion": "1.0.2"})", 0600).ok());
  const nlohmann::json info = InfoOfContainer("c");
  EXPECT_EQ(info["runtimeSpec"]["ociVersion"], "1.0.2");
  EXPECT_EQ(info["sandboxID"], "p");
  EXPECT_EQ(info["removing"], false);
  EXPECT_EQ(info["snapshotKey"], "c");
  EXPECT_EQ(info["snapshotter"], "overlayfs");
  EXPECT_EQ(info["runtimeType"], "io.containerd.runc.v2");
  EXPECT_EQ(info["config"]["metadata"]["name"], "container-c");
  EXPECT_EQ(info["cgroupsPath"], "/kubepods/p/c");
  EXPECT_EQ(info["runtime"], "/usr/bin/runc");
  EXPECT_EQ(info["pid"], MadePods::kPid);
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, layout_.Spec("p", "c"), "{damaged", 0600).ok());
  EXPECT_TRUE(InfoOfContainer("c")["runtimeSpec"].is_null()) << "a damaged spec hides nothing else";
  container->Exit({0, 1, false});
  EXPECT_EQ(InfoOfContainer("c")["pid"], 0);
}

TEST_F(StatusViewTest, APrefixThatSeveralContainersHaveIsRefused) {
  const PodPtr pod = made_.AddPod("p");
  made_.AddContainer(pod, "abc1");
  made_.AddContainer(pod, "abc2");
  EXPECT_EQ(view_.OfContainer("abc1", false)->status().id(), "abc1");
  const absl::Status refused = view_.OfContainer("abc", false).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("container_id"));
}

}  // namespace
}  // namespace crisp
