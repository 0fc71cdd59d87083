#include "sandbox/status_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <utility>

#include "sandbox/container.h"
#include "sandbox/pod.h"

namespace crisp {
namespace {

ContainerRecord Record() {
  ContainerRecord record;
  record.set_id("c");
  record.set_pod_id("p");
  record.set_created_at(10);
  record.set_image_id("sha256:id");
  record.set_image_ref("registry/app@sha256:digest");
  record.set_log_path("/var/log/pods/p/app/0.log");
  record.set_stop_signal(SIGINT);
  record.mutable_user()->set_uid(1000);
  cri::ContainerConfig& config = *record.mutable_config();
  config.mutable_metadata()->set_name("app");
  config.mutable_metadata()->set_attempt(2);
  config.mutable_image()->set_image("sha256:id");
  (*config.mutable_labels())["role"] = "main";
  (*config.mutable_annotations())["note"] = "text";
  config.add_mounts()->set_container_path("/data");
  return record;
}

TEST(ContainerStatusTest, HasWhatWasAskedForAndWhatCrispFoundOut) {
  const Container container(Record(), Container::State::kCreated);
  const cri::ContainerStatus status = ContainerStatusMessage(container);
  EXPECT_EQ(status.id(), "c");
  EXPECT_EQ(status.metadata().name(), "app");
  EXPECT_EQ(status.metadata().attempt(), 2u);
  EXPECT_EQ(status.created_at(), 10);
  EXPECT_EQ(status.image_id(), "sha256:id");
  EXPECT_EQ(status.image_ref(), "registry/app@sha256:digest");
  EXPECT_EQ(status.log_path(), "/var/log/pods/p/app/0.log");
  EXPECT_EQ(status.stop_signal(), cri::SIGNAL_SIGINT);
  EXPECT_EQ(status.user().linux().uid(), 1000);
  EXPECT_EQ(status.labels().at("role"), "main");
  EXPECT_EQ(status.annotations().at("note"), "text");
  ASSERT_EQ(status.mounts_size(), 1);
  EXPECT_EQ(status.mounts(0).container_path(), "/data");
}

TEST(ContainerStatusTest, ACreatedContainerHasNoTimesButItsOwn) {
  const Container container(Record(), Container::State::kCreated);
  const cri::ContainerStatus status = ContainerStatusMessage(container);
  EXPECT_EQ(status.state(), cri::CONTAINER_CREATED);
  EXPECT_EQ(status.started_at(), 0);
  EXPECT_EQ(status.finished_at(), 0);
  EXPECT_EQ(status.reason(), "");
}

TEST(ContainerStatusTest, AnExitedContainerHasItsEnd) {
  Container container(Record(), Container::State::kStarting);
  container.Start({7, 20});
  cri::ContainerStatus status = ContainerStatusMessage(container);
  EXPECT_EQ(status.state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(status.started_at(), 20);
  container.Exit({137, 30, true});
  status = ContainerStatusMessage(container);
  EXPECT_EQ(status.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(status.started_at(), 20);
  EXPECT_EQ(status.finished_at(), 30);
  EXPECT_EQ(status.exit_code(), 137);
  EXPECT_EQ(status.reason(), "OOMKilled");
}

TEST(ContainerStatusTest, AFailedStartSaysWhy) {
  Container container(Record(), Container::State::kStarting);
  container.End(MakeEnd(kExitCodeStartError, kReasonStartError, "exec: no such file"));
  const cri::ContainerStatus status = ContainerStatusMessage(container);
  EXPECT_EQ(status.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(status.exit_code(), 128);
  EXPECT_EQ(status.reason(), "StartError");
  EXPECT_EQ(status.message(), "exec: no such file");
  EXPECT_EQ(status.started_at(), 0);
  EXPECT_GT(status.finished_at(), 0);
}

TEST(ContainerStatusTest, TheImageIsWhatThePodsAuthorWrote) {
  ContainerRecord record = Record();
  EXPECT_EQ(ContainerStatusMessage(Container(record)).image().image(), "sha256:id");
  record.mutable_config()->mutable_image()->set_user_specified_image("app:1");
  EXPECT_EQ(ContainerStatusMessage(Container(record)).image().image(), "app:1");
}

TEST(ContainerStatusTest, ResourcesAreThoseOfTheLastUpdateAndAbsentWhereNobodySaidAny) {
  ContainerRecord record = Record();
  EXPECT_FALSE(ContainerStatusMessage(Container(record)).has_resources());
  record.mutable_config()->mutable_linux()->mutable_resources()->set_cpu_shares(100);
  EXPECT_EQ(ContainerStatusMessage(Container(record)).resources().linux().cpu_shares(), 100);
  record.mutable_updated_resources()->set_cpu_shares(200);
  EXPECT_EQ(ContainerStatusMessage(Container(record)).resources().linux().cpu_shares(), 200);
  record.mutable_config()->mutable_linux()->clear_resources();
  EXPECT_EQ(ContainerStatusMessage(Container(record)).resources().linux().cpu_shares(), 200);
}

std::shared_ptr<Pod> PodIn(Pod::State state) {
  PodRecord record;
  record.set_id("p");
  record.set_created_at(5);
  record.set_runtime_handler("kata");
  record.set_ip("192.0.2.1");
  record.add_additional_ips("2001:db8::1");
  cri::PodSandboxConfig& config = *record.mutable_config();
  config.mutable_metadata()->set_name("web");
  (*config.mutable_labels())["app"] = "web";
  (*config.mutable_annotations())["note"] = "text";
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(cri::CONTAINER);
  return std::make_shared<Pod>(std::move(record), OciRuntime(), nullptr, state);
}

TEST(PodStatusTest, HasWhatWasAskedForAndItsAddresses) {
  const cri::PodSandboxStatus status = PodStatusMessage(*PodIn(Pod::State::kReady));
  EXPECT_EQ(status.id(), "p");
  EXPECT_EQ(status.state(), cri::SANDBOX_READY);
  EXPECT_EQ(status.created_at(), 5);
  EXPECT_EQ(status.metadata().name(), "web");
  EXPECT_EQ(status.runtime_handler(), "kata");
  EXPECT_EQ(status.network().ip(), "192.0.2.1");
  ASSERT_EQ(status.network().additional_ips_size(), 1);
  EXPECT_EQ(status.network().additional_ips(0).ip(), "2001:db8::1");
  EXPECT_EQ(status.linux().namespaces().options().pid(), cri::CONTAINER);
  EXPECT_EQ(status.labels().at("app"), "web");
  EXPECT_EQ(status.annotations().at("note"), "text");
}

TEST(PodStatusTest, IsNotReadyOnceItHasEnded) {
  EXPECT_EQ(PodStatusMessage(*PodIn(Pod::State::kEnded)).state(), cri::SANDBOX_NOTREADY);
}

TEST(PodStatusTest, ItsContainersAreTheVisibleOnesOldestFirst) {
  const std::shared_ptr<Pod> pod = PodIn(Pod::State::kReady);
  const auto add = [&pod](const std::string& id, int64_t created_at, Container::State state) {
    ContainerRecord record;
    record.set_id(id);
    record.set_created_at(created_at);
    pod->containers.Add(id, std::make_shared<Container>(record, state));
  };
  add("a", 30, Container::State::kCreated);
  add("b", 20, Container::State::kCreating);
  add("c", 10, Container::State::kRemoving);
  add("d", 10, Container::State::kCreated);
  std::vector<std::string> ids;
  for (const cri::ContainerStatus& status : ContainerStatusMessages(*pod)) ids.push_back(status.id());
  EXPECT_THAT(ids, testing::ElementsAre("c", "d", "a"));
}

}  // namespace
}  // namespace crisp
