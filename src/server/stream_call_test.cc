#include "server/stream_call.h"

#include <gmock/gmock.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>
#include <prometheus/registry.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "api/cri/api.grpc.pb.h"
#include "sandbox/pod_table.h"
#include "server/completion_loop.h"
#include "tracing/span_tracer.h"
#include "tracing/testing/kept_spans.h"
#include "tracing/traceparent.h"

namespace crisp {
namespace {

using testing::ElementsAre;

using Service = cri::RuntimeService::WithAsyncMethod_GetContainerEvents<
    cri::RuntimeService::WithAsyncMethod_StreamContainers<cri::RuntimeService::Service>>;

// A real gRPC server with events and one list, which waits for `release`.
class StreamCallTest : public testing::Test {
 protected:
  static constexpr size_t kChunkBytes = 100;

  void SetUp() override {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    loop_.Register(&builder);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    AcceptEvents(edge_, &service_, loop_.queue(), &hub_);
    AcceptList(
        "StreamContainers", {loop_.queue(), &workers_, &edge_, kChunkBytes}, &service_,
        &Service::RequestStreamContainers, [this](const cri::StreamContainersRequest&) { return BlockingList(); },
        [](cri::StreamContainersResponse& message) { return message.mutable_containers(); });
    ASSERT_TRUE(loop_.Start().ok());
    stub_ = cri::RuntimeService::NewStub(server_->InProcessChannel({}));
  }

  void TearDown() override {
    if (!release_.HasBeenNotified()) release_.Notify();
    hub_.Close(absl::UnavailableError("the test is over"));
    server_->Shutdown();
    workers_.Stop();
  }

  std::vector<cri::Container> BlockingList() {
    if (!list_began_.HasBeenNotified()) list_began_.Notify();
    release_.WaitForNotification();
    std::vector<cri::Container> containers(2);
    for (cri::Container& container : containers) container.set_id(std::string(64, 'c'));
    return containers;
  }

  // Ends the calls of a test that fails.
  static std::chrono::system_clock::time_point Deadline() {
    return std::chrono::system_clock::now() + std::chrono::seconds(30);
  }

  // The number of containers in each message of the list.
  std::vector<int> ReadList() {
    grpc::ClientContext context;
    context.set_deadline(Deadline());
    const auto reader = stub_->StreamContainers(&context, {});
    std::vector<int> sizes;
    cri::StreamContainersResponse message;
    while (reader->Read(&message)) sizes.push_back(message.containers_size());
    last_end_ = reader->Finish();
    return sizes;
  }

  Service service_;
  EventHub hub_;
  PodTable pods_;
  prometheus::Registry registry_;
  RpcMetrics metrics_{&registry_, /*histogram=*/false};
  KeptSpans kept_;
  SpanTracer tracer_{TraceSampler{1, true}, &kept_};
  Edge edge_{"runtime.v1.RuntimeService", &pods_, {&metrics_, &tracer_}};
  std::unique_ptr<grpc::Server> server_;
  absl::Notification release_;
  absl::Notification list_began_;
  grpc::Status last_end_;
  WorkerPool workers_{1, /*most_waiting=*/1};
  CompletionLoop loop_;  // after workers_: its thread hands them lists until it ends
  std::unique_ptr<cri::RuntimeService::Stub> stub_;
};

TEST_F(StreamCallTest, AListThatBlocksDelaysNoEvent) {
  std::future<std::vector<int>> list = std::async(std::launch::async, [this] { return ReadList(); });
  list_began_.WaitForNotification();

  grpc::ClientContext context;
  context.set_deadline(Deadline());
  const auto events = stub_->GetContainerEvents(&context, {});
  events->WaitForInitialMetadata();  // from here on the server has a subscription
  cri::ContainerEventResponse event;
  event.set_container_id("abc");
  hub_.Publish(event);
  cri::ContainerEventResponse received;
  ASSERT_TRUE(events->Read(&received));
  EXPECT_EQ(received.container_id(), "abc");
  EXPECT_EQ(list.wait_for(std::chrono::seconds(0)), std::future_status::timeout);

  release_.Notify();
  EXPECT_THAT(list.get(), ElementsAre(1, 1));
  EXPECT_TRUE(last_end_.ok()) << last_end_.error_message();
}

TEST_F(StreamCallTest, TooManyListsAtOnceAreRefused) {
  std::future<std::vector<int>> first = std::async(std::launch::async, [this] { return ReadList(); });
  list_began_.WaitForNotification();
  grpc::ClientContext context;
  const auto second = stub_->StreamContainers(&context, {});
  second->WaitForInitialMetadata();
  EXPECT_THAT(ReadList(), ElementsAre());
  EXPECT_EQ(last_end_.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  release_.Notify();
  first.get();
}

TEST_F(StreamCallTest, AStreamIsASpanOfTheClientsTrace) {
  release_.Notify();
  grpc::ClientContext context;
  context.set_deadline(Deadline());
  context.AddMetadata("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  const auto reader = stub_->StreamContainers(&context, {});
  cri::StreamContainersResponse message;
  while (reader->Read(&message)) {
  }
  EXPECT_TRUE(reader->Finish().ok());
  const SpanRecord span = kept_.Named("runtime.v1.RuntimeService/StreamContainers");
  EXPECT_EQ(TraceIdText(span.context), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_TRUE(span.remote_parent);
  EXPECT_GE(span.ended, span.begun);
}

}  // namespace
}  // namespace crisp
