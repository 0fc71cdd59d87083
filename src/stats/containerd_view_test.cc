#include "stats/containerd_view.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "stats/testing/made_pods.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::UnorderedElementsAre;

using google::protobuf::UnknownField;

// What a message has on the wire, by field number: a number, a text, or a message as "{…}".
std::string OnTheWire(const google::protobuf::UnknownFieldSet& fields, const std::string& what) {
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& field = fields.field(i);
    if (absl::StrCat(field.number()) != what.substr(0, what.find('.'))) continue;
    if (field.type() == UnknownField::TYPE_VARINT) return absl::StrCat(field.varint());
    if (what.find('.') == std::string::npos) return field.length_delimited();
    google::protobuf::Empty inner;
    if (!inner.ParseFromString(field.length_delimited())) return "no message";
    const google::protobuf::UnknownFieldSet& below = inner.GetReflection()->GetUnknownFields(inner);
    return OnTheWire(below, what.substr(what.find('.') + 1));
  }
  return "";
}

// The field at a path of numbers, such as "1.4.1".
std::string OnTheWire(const google::protobuf::Message& message, const std::string& path) {
  google::protobuf::Empty raw;
  if (!raw.ParseFromString(message.SerializeAsString())) return "no message";
  return OnTheWire(raw.GetReflection()->GetUnknownFields(raw), path);
}

class ContainerdViewTest : public testing::Test {
 protected:
  void WriteSpec(const std::string& pod, const std::string& container, const std::string& spec) {
    ASSERT_EQ(MakeDirs(layout_.Bundle(pod, container), 0700), absl::OkStatus());
    ASSERT_EQ(WriteFileAt(AT_FDCWD, layout_.Spec(pod, container), spec, 0600), absl::OkStatus());
  }
  std::map<std::string, std::string> LabelsOf(const std::string& id) {
    const auto container = view_.OfContainer(id);
    EXPECT_EQ(container.status(), absl::OkStatus());
    return {container->labels().begin(), container->labels().end()};
  }
  static void Name(const PodPtr& pod, const std::string& name, const std::string& space, const std::string& uid) {
    pod->UpdateRecord([&](PodRecord* record) {
      record->mutable_config()->mutable_metadata()->set_name(name);
      record->mutable_config()->mutable_metadata()->set_namespace_(space);
      record->mutable_config()->mutable_metadata()->set_uid(uid);
    });
  }

  const TestDir dir_;
  const Layout layout_{dir_.Path("root"), dir_.Path("state"), /*netns_under_state=*/true};
  MadePods made_;
  const ContainerdView view_{layout_, made_.table()};
};

TEST_F(ContainerdViewTest, APauseContainerIsTheSandbox) {
  const PodPtr pod = made_.AddPod("p", 3'000'000'005);
  Name(pod, "web-0", "shop", "uid-1");
  Label(pod, "app", "web");
  const std::string spec = R"({"annotations":{"io.kubernetes.cri.podsandbox.image-name":"registry.k8s.io/pause:3.6"}})";
  WriteSpec("p", "p", spec);
  EXPECT_THAT(LabelsOf("p"),
              UnorderedElementsAre(Pair("app", "web"), Pair("io.kubernetes.pod.name", "web-0"),
                                   Pair("io.kubernetes.pod.namespace", "shop"), Pair("io.kubernetes.pod.uid", "uid-1"),
                                   Pair("io.cri-containerd.kind", "sandbox")));
  const containerd_containers::Container sandbox = *view_.OfContainer("p");
  EXPECT_EQ(sandbox.image(), "registry.k8s.io/pause:3.6");
  EXPECT_EQ(sandbox.spec().value(), spec);
  EXPECT_EQ(sandbox.created_at().seconds(), 3);
  EXPECT_EQ(sandbox.created_at().nanos(), 5);
}

TEST_F(ContainerdViewTest, AContainerHasItsOwnLabelsAndThoseOfItsPod) {
  const PodPtr pod = made_.AddPod("p");
  Name(pod, "web-0", "shop", "uid-1");
  const ContainerPtr container = made_.AddContainer(pod, "c");
  Label(container, "io.kubernetes.pod.name", "as the kubelet says");
  WriteSpec("p", "c", R"({"annotations":{"io.kubernetes.cri.image-name":"docker.io/library/busybox:1.36"}})");
  EXPECT_THAT(LabelsOf("c"),
              UnorderedElementsAre(Pair("io.kubernetes.container.name", "container-c"),
                                   Pair("io.kubernetes.pod.name", "as the kubelet says"),
                                   Pair("io.kubernetes.pod.namespace", "shop"), Pair("io.kubernetes.pod.uid", "uid-1"),
                                   Pair("io.cri-containerd.kind", "container")));
  EXPECT_EQ(view_.OfContainer("c")->image(), "docker.io/library/busybox:1.36");
}

TEST_F(ContainerdViewTest, ASpecThatCannotBeReadIsEmpty) {
  const ContainerPtr container = made_.AddContainer(made_.AddPod("p"), "c");
  container->UpdateRecord([](ContainerRecord* record) { record->set_image_ref("sha256:abc"); });
  EXPECT_EQ(view_.OfContainer("c")->spec().value(), "{}");
  EXPECT_EQ(view_.OfContainer("c")->image(), "sha256:abc");
  WriteSpec("p", "c", "no JSON");
  EXPECT_EQ(view_.OfContainer("c")->image(), "sha256:abc");
}

// cAdvisor asks for the containers of everybody who has cgroups on the node.
TEST_F(ContainerdViewTest, OnlyExactIdsAreKnown) {
  made_.AddContainer(made_.AddPod("pod1"), "container1");
  for (const char* id : {"pod", "container", "other", ""}) {
    EXPECT_EQ(view_.OfContainer(id).status().code(), absl::StatusCode::kNotFound) << id;
    EXPECT_EQ(view_.ProcessOf(id).status().code(), absl::StatusCode::kNotFound) << id;
  }
}

// The cgroup of the pause container appears before the pod is READY.
TEST_F(ContainerdViewTest, APodThatIsBeingMadeIsKnownAndHasAProcessOnceItsPauseRuns) {
  const PodPtr pod = made_.AddPod("p", 1, Pod::State::kCreating);
  EXPECT_EQ(view_.OfContainer("p").status(), absl::OkStatus());
  EXPECT_EQ(view_.ProcessOf("p").status().code(), absl::StatusCode::kNotFound);
  pod->UpdateRecord([](PodRecord* record) { record->set_pause_pid(77); });
  EXPECT_EQ(view_.ProcessOf("p")->pid(), 77u);
  EXPECT_EQ(view_.ProcessOf("p")->status(), containerd_types::RUNNING);
  ASSERT_TRUE(pod->MoveTo(Pod::State::kReady));
  EXPECT_EQ(view_.ProcessOf("p")->pid(), 77u);
  pod->MarkEnded();
  EXPECT_EQ(view_.ProcessOf("p").status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ContainerdViewTest, AContainersProcessRunsOrHasAnExit) {
  const PodPtr pod = made_.AddPod("p");
  made_.AddContainer(pod, "created", 1, Container::State::kCreated);
  made_.AddContainer(pod, "running");
  made_.AddContainer(pod, "exited", 1, Container::State::kExited);
  EXPECT_EQ(view_.ProcessOf("created").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(view_.ProcessOf("running")->status(), containerd_types::RUNNING);
  EXPECT_EQ(view_.ProcessOf("running")->pid(), static_cast<uint32_t>(MadePods::kPid));
  const containerd_types::Process exited = *view_.ProcessOf("exited");
  EXPECT_EQ(exited.status(), containerd_types::STOPPED);
  EXPECT_EQ(exited.exit_status(), 3u);
  EXPECT_EQ(exited.pid(), 0u);
}

// The numbers of the fields are containerd's.
TEST_F(ContainerdViewTest, OnTheWireItIsContainerds) {
  const ContainerPtr made = made_.AddContainer(made_.AddPod("p"), "c", 7'000'000'009);
  WriteSpec("p", "c", R"({"annotations":{"io.kubernetes.cri.image-name":"busybox"}})");
  containerd_containers::GetContainerRequest request;
  ASSERT_TRUE(
      request.ParseFromString("\x0a\x01"
                              "c"));
  containerd_containers::GetContainerResponse response;
  *response.mutable_container() = *view_.OfContainer(request.id());
  response.mutable_container()->mutable_labels()->clear();
  (*response.mutable_container()->mutable_labels())["key"] = "value";
  const std::map<std::string, std::string> expected = {
      {"1.1", "c"},
      {"1.2.1", "key"},
      {"1.2.2", "value"},
      {"1.3", "busybox"},
      {"1.4.1", "io.containerd.runc.v2"},
      {"1.5.1", "types.containerd.io/opencontainers/runtime-spec/1/Spec"},
      {"1.5.2", R"({"annotations":{"io.kubernetes.cri.image-name":"busybox"}})"},
      {"1.6", "overlayfs"},
      {"1.7", "c"},
      {"1.8.1", "7"},
      {"1.8.2", "9"},
      {"1.9.1", "7"},
  };
  for (const auto& [path, value] : expected) EXPECT_EQ(OnTheWire(response, path), value) << path;

  containerd_tasks::GetRequest task;
  ASSERT_TRUE(
      task.ParseFromString("\x0a\x01"
                           "c\x12\x01"
                           "e"));
  EXPECT_EQ(task.container_id() + task.exec_id(), "ce");
  containerd_tasks::GetResponse answer;
  *answer.mutable_process() = *view_.ProcessOf("c");
  EXPECT_EQ(OnTheWire(answer, "1.2"), "c");
  EXPECT_EQ(OnTheWire(answer, "1.3"), absl::StrCat(MadePods::kPid));
  EXPECT_EQ(OnTheWire(answer, "1.4"), "2");
  made->Exit({3, 7'000'000'009, false});
  *answer.mutable_process() = *view_.ProcessOf("c");
  EXPECT_EQ(OnTheWire(answer, "1.4"), "3");
  EXPECT_EQ(OnTheWire(answer, "1.9"), "3");
  EXPECT_EQ(OnTheWire(answer, "1.10.1"), "7");

  containerd_version::VersionResponse version;
  version.set_version("v");
  version.set_revision("r");
  EXPECT_EQ(OnTheWire(version, "1") + OnTheWire(version, "2"), "vr");
}

}  // namespace
}  // namespace crisp
