// Lists that are answered by a stream of messages, which may be longer in all than one message can be.
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

class ListStreamTest : public NodeTest {
 protected:
  // Everything that a stream sends.
  template <typename Response, typename Request, typename Stub>
  std::vector<Response> ReadAll(Stub& stub,
                                std::unique_ptr<grpc::ClientReader<Response>> (Stub::*method)(grpc::ClientContext*,
                                                                                              const Request&),
                                const Request& request = {}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    const auto reader = (stub.*method)(&context, request);
    std::vector<Response> all;
    for (Response one; reader->Read(&one);) all.push_back(std::move(one));
    const grpc::Status end = reader->Finish();
    EXPECT_TRUE(end.ok()) << Describe(end);
    return all;
  }
};

TEST_F(ListStreamTest, StreamsSendWhatTheListsDo) {
  const PodRef pod = RunPod("streamed");
  const std::string a = Start(pod, ContainerOf("a", "sleep 1000"));
  const std::string b = Create(pod, ContainerOf("b", "sleep 1000"));

  const auto pods = ReadAll(cri().runtime(), &Runtime::StreamPodSandboxes);
  ASSERT_EQ(pods.size(), 1u);
  ASSERT_EQ(pods[0].pod_sandboxes_size(), 1);
  EXPECT_EQ(pods[0].pod_sandboxes(0).SerializeAsString(), Pods()[0].SerializeAsString());

  const auto containers = ReadAll(cri().runtime(), &Runtime::StreamContainers);
  ASSERT_EQ(containers.size(), 1u);
  ASSERT_EQ(containers[0].containers_size(), 2);
  EXPECT_EQ(containers[0].containers(0).id(), a);
  EXPECT_EQ(containers[0].containers(1).id(), b);
  cri::StreamContainersRequest created;
  created.mutable_filter()->mutable_state()->set_state(cri::CONTAINER_CREATED);
  const auto filtered = ReadAll(cri().runtime(), &Runtime::StreamContainers, created);
  ASSERT_EQ(filtered.size(), 1u);
  ASSERT_EQ(filtered[0].containers_size(), 1);
  EXPECT_EQ(filtered[0].containers(0).id(), b);

  const auto stats = ReadAll(cri().runtime(), &Runtime::StreamContainerStats);
  ASSERT_EQ(stats.size(), 1u);
  ASSERT_EQ(stats[0].container_stats_size(), 1);
  EXPECT_EQ(stats[0].container_stats(0).attributes().id(), a);
  EXPECT_TRUE(stats[0].container_stats(0).has_memory());

  const auto pod_stats = ReadAll(cri().runtime(), &Runtime::StreamPodSandboxStats);
  ASSERT_EQ(pod_stats.size(), 1u);
  EXPECT_EQ(pod_stats[0].pod_sandbox_stats(0).attributes().id(), pod.id);

  const auto metrics = ReadAll(cri().runtime(), &Runtime::StreamPodSandboxMetrics);
  ASSERT_EQ(metrics.size(), 1u);
  EXPECT_EQ(metrics[0].pod_sandbox_metrics(0).pod_sandbox_id(), pod.id);

  const auto images = ReadAll(cri().image_service(), &ImageStub::StreamImages);
  ASSERT_EQ(images.size(), 1u);
  EXPECT_EQ(static_cast<size_t>(images[0].images_size()), Images().size());
  cri::StreamImagesRequest one;
  one.mutable_filter()->mutable_image()->set_image(kBusybox);
  EXPECT_EQ(ReadAll(cri().image_service(), &ImageStub::StreamImages, one)[0].images_size(), 1);
}

TEST_F(ListStreamTest, AStreamOfNothingEndsWell) {
  EXPECT_THAT(ReadAll(cri().runtime(), &Runtime::StreamPodSandboxes), IsEmpty());
  EXPECT_THAT(ReadAll(cri().runtime(), &Runtime::StreamContainerStats), IsEmpty());
}

TEST_F(ListStreamTest, AListBeyondTheCapOfAMessageIsStreamed) {
  const PodRef pod = RunPod("long");
  const std::string note(400'000, 'x');
  std::vector<std::string> ids;
  for (int i = 0; i < 8; ++i) {
    cri::ContainerConfig config = ContainerOf("c" + std::to_string(i), "true");
    (*config.mutable_annotations())["note"] = note;
    ids.push_back(Create(pod, config));
  }
  std::vector<std::string> streamed;
  const auto messages = ReadAll(cri().runtime(), &Runtime::StreamContainers);
  EXPECT_GE(messages.size(), 4u);
  for (const cri::StreamContainersResponse& message : messages) {
    EXPECT_LE(message.ByteSizeLong(), 1u << 20);
    for (const cri::Container& container : message.containers()) streamed.push_back(container.id());
  }
  EXPECT_EQ(streamed, ids);
}

}  // namespace
}  // namespace crisp::e2e
