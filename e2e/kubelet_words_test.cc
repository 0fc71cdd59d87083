// The codes and first words of answers that a kubelet decides by, where others would only be read by people. Those of
// failed pulls are in image_test.cc.
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

class KubeletWordsTest : public NodeTest {
 protected:
  // A call about something that is not there.
  template <typename Method, typename Request>
  grpc::StatusCode CodeOf(Method method, const Request& request) {
    return cri().Call(method, request).code();
  }
};

// Anything but NotFound leaves the kubelet asking for ever.
TEST_F(KubeletWordsTest, APodOrContainerThatIsNotThereIsNotFound) {
  const std::string id(64, 'f');
  EXPECT_EQ(cri().PodStatus(id).code(), grpc::NOT_FOUND);
  EXPECT_EQ(cri().ContainerStatus(id).code(), grpc::NOT_FOUND);
  EXPECT_EQ(cri().StartContainer(id).code(), grpc::NOT_FOUND);
  EXPECT_EQ(cri().Exec(id, {"true"}).code(), grpc::NOT_FOUND);
  EXPECT_EQ(cri().ReopenLog(id).code(), grpc::NOT_FOUND);
  cri::ContainerStatsRequest stats;
  stats.set_container_id(id);
  EXPECT_EQ(CodeOf(&Runtime::ContainerStats, stats), grpc::NOT_FOUND);
  cri::PodSandboxStatsRequest pod_stats;
  pod_stats.set_pod_sandbox_id(id);
  EXPECT_EQ(CodeOf(&Runtime::PodSandboxStats, pod_stats), grpc::NOT_FOUND);
  cri::UpdateContainerResourcesRequest update;
  update.set_container_id(id);
  EXPECT_EQ(CodeOf(&Runtime::UpdateContainerResources, update), grpc::NOT_FOUND);
  cri::ExecRequest exec;
  exec.set_container_id(id);
  exec.add_cmd("true");
  exec.set_stdout(true);
  EXPECT_EQ(CodeOf(&Runtime::Exec, exec), grpc::NOT_FOUND);
}

// The kubelet repeats these until they succeed.
TEST_F(KubeletWordsTest, WhatIsGoneIsStoppedAndRemoved) {
  const std::string id(64, 'f');
  EXPECT_EQ(cri().StopPod(id).code(), grpc::OK);
  EXPECT_EQ(cri().RemovePod(id).code(), grpc::OK);
  EXPECT_EQ(cri().StopContainer(id, 1).code(), grpc::OK);
  EXPECT_EQ(cri().RemoveContainer(id).code(), grpc::OK);
  EXPECT_EQ(cri().RemoveImage("docker.io/e2e/none:1").code(), grpc::OK);
  const auto image = cri().ImageStatus("docker.io/e2e/none:1");
  EXPECT_EQ(image.code(), grpc::OK);
  EXPECT_FALSE(image.value.has_image());
}

// DeadlineExceeded is a probe that has failed; any other code is a probe that could not be made.
TEST_F(KubeletWordsTest, AProbeThatTakesTooLongIsDeadlineExceeded) {
  const std::string id = Start(RunPod("probe"), ContainerOf("main", "sleep 1000"));
  EXPECT_EQ(cri().Exec(id, {"sleep", "1000"}, 1).code(), grpc::DEADLINE_EXCEEDED);
}

TEST_F(KubeletWordsTest, CodesThatTheKubeletPublishesStandFirst) {
  const PodRef pod = RunPod("words");
  cri::ContainerConfig image = ContainerOf("image", "true");
  AddImageMount(image, "docker.io/e2e/none:1", "/mnt");
  EXPECT_THAT(cri().CreateContainer(pod.id, pod.config, image).text(), StartsWith("ImageVolumeMountFailed: "));
  // RROUnsupported: OldRuntimeTest in mount_test.cc.
  const auto checkpoint = cri().Call(&Runtime::CheckpointContainer, cri::CheckpointContainerRequest());
  EXPECT_EQ(checkpoint.code(), grpc::UNIMPLEMENTED);
  EXPECT_THAT(checkpoint.text(), StartsWith("unknown method CheckpointContainer"));
}

// A kubelet before 1.32 takes two paths for two file systems.
TEST_F(KubeletWordsTest, OneFileSystemHasOnePath) {
  const auto info = Must(cri().ImageFsInfo());
  const std::string& path = info.image_filesystems(0).fs_id().mountpoint();
  EXPECT_EQ(info.container_filesystems(0).fs_id().mountpoint(), path);
}

TEST_F(KubeletWordsTest, AFailedStartIsExit128) {
  const PodRef pod = RunPod("start");
  const std::string id = Create(pod, ContainerRunning("main", {"/no/such/program"}));
  const auto started = cri().StartContainer(id);
  EXPECT_FALSE(started.ok());
  EXPECT_NE(started.code(), grpc::NOT_FOUND) << "that would be a container that is gone";
  EXPECT_EQ(StatusOf(id).reason(), "StartError");
  EXPECT_EQ(StatusOf(id).exit_code(), 128);
}

}  // namespace
}  // namespace crisp::e2e
