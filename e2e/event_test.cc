// What is told to those who have subscribed to events: the kubelet's evented PLEG.
#include <csignal>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

constexpr std::chrono::seconds kSoon{10};

// A subscription, read by a thread of its own from its beginning to its end.
class Subscriber {
 public:
  explicit Subscriber(Cri& cri) {
    reader_ = cri.runtime().GetContainerEvents(&context_, cri::GetEventsRequest());
    reader_->WaitForInitialMetadata();  // from now on nothing is missed
    thread_ = std::thread([this] {
      for (cri::ContainerEventResponse event; reader_->Read(&event);) {
        const std::lock_guard<std::mutex> lock(mutex_);
        events_.push_back(event);
      }
      end_ = reader_->Finish();
    });
  }
  ~Subscriber() {
    context_.TryCancel();
    if (thread_.joinable()) thread_.join();
  }

  std::vector<cri::ContainerEventResponse> Events() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return events_;
  }
  // "CREATED", … of one container or pod, in order.
  std::vector<std::string> Of(const std::string& id) {
    std::vector<std::string> types;
    for (const cri::ContainerEventResponse& event : Events()) {
      if (event.container_id() == id) types.push_back(TypeOf(event));
    }
    return types;
  }
  static std::string TypeOf(const cri::ContainerEventResponse& event) {
    const std::string name = cri::ContainerEventType_Name(event.container_event_type());
    return name.substr(10, name.size() - 16);
  }
  bool Waits(const std::string& id, const std::vector<std::string>& types) {
    return Eventually([&] { return Of(id) == types; }, kSoon);
  }
  cri::ContainerEventResponse Find(const std::string& id, const std::string& type) {
    for (const cri::ContainerEventResponse& event : Events()) {
      if (event.container_id() == id && TypeOf(event) == type) return event;
    }
    throw std::runtime_error("no event " + type + " of " + id);
  }
  // Waits for the end that the server makes.
  grpc::Status End() {
    thread_.join();
    return end_;
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<cri::ContainerEventResponse>> reader_;
  std::mutex mutex_;
  std::vector<cri::ContainerEventResponse> events_;
  grpc::Status end_;
  std::thread thread_;
};

class EventTest : public NodeTest {
 protected:
  size_t DaemonThreads() {
    const std::string tasks = ProcPath(node().pid(), "task");
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(tasks), {}));
  }
};

TEST_F(EventTest, EachChangeOfAContainerIsToldOnceAndWithAllStatuses) {
  const PodRef pod = RunPod("life");
  const std::string other = Start(pod, ContainerOf("other", "sleep 1000"));
  Subscriber subscriber(cri());
  const std::string id = Start(pod, ContainerOf("life", "sleep 1000"));
  ASSERT_TRUE(subscriber.Waits(id, {"CREATED", "STARTED"}));
  Must(cri().StopContainer(id, 0));
  ASSERT_TRUE(subscriber.Waits(id, {"CREATED", "STARTED", "STOPPED"}));
  Must(cri().StopContainer(id, 0));
  Must(cri().RemoveContainer(id));
  Must(cri().RemoveContainer(id));
  ASSERT_TRUE(subscriber.Waits(id, {"CREATED", "STARTED", "STOPPED", "DELETED"}));
  EXPECT_THAT(subscriber.Of(other), IsEmpty()) << "what was before is not told";

  const cri::ContainerEventResponse created = subscriber.Find(id, "CREATED");
  EXPECT_EQ(created.pod_sandbox_status().id(), pod.id);
  EXPECT_EQ(created.pod_sandbox_status().metadata().uid(), "uid-life");
  EXPECT_EQ(created.pod_sandbox_status().state(), cri::SANDBOX_READY);
  ASSERT_EQ(created.containers_statuses_size(), 2);
  EXPECT_EQ(created.containers_statuses(0).id(), other);
  EXPECT_EQ(created.containers_statuses(1).id(), id);
  EXPECT_EQ(created.containers_statuses(1).state(), cri::CONTAINER_CREATED);
  const cri::ContainerEventResponse started = subscriber.Find(id, "STARTED");
  EXPECT_EQ(started.containers_statuses(1).state(), cri::CONTAINER_RUNNING);
  EXPECT_GT(started.created_at(), created.created_at());
  const cri::ContainerEventResponse stopped = subscriber.Find(id, "STOPPED");
  EXPECT_EQ(stopped.containers_statuses(1).state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(stopped.containers_statuses(1).exit_code(), 137);
  const cri::ContainerEventResponse deleted = subscriber.Find(id, "DELETED");
  ASSERT_EQ(deleted.containers_statuses_size(), 1);
  EXPECT_EQ(deleted.containers_statuses(0).id(), other);
}

TEST_F(EventTest, APodIsToldOfAsItsPauseContainer) {
  Subscriber subscriber(cri());
  const PodRef pod = RunPod("pod");
  ASSERT_TRUE(subscriber.Waits(pod.id, {"CREATED", "STARTED"}));
  const std::string id = Start(pod, ContainerOf("in-it", "sleep 1000"));
  Must(cri().StopPod(pod.id));
  ASSERT_TRUE(subscriber.Waits(pod.id, {"CREATED", "STARTED", "STOPPED"}));
  Must(cri().StopPod(pod.id));
  Must(cri().RemovePod(pod.id));
  ASSERT_TRUE(subscriber.Waits(pod.id, {"CREATED", "STARTED", "STOPPED", "DELETED"}));
  EXPECT_THAT(subscriber.Of(id), ElementsAre("CREATED", "STARTED", "STOPPED", "DELETED"));
  EXPECT_EQ(subscriber.Find(pod.id, "STARTED").pod_sandbox_status().state(), cri::SANDBOX_READY);
  EXPECT_FALSE(subscriber.Find(pod.id, "STARTED").pod_sandbox_status().network().ip().empty());
  EXPECT_EQ(subscriber.Find(pod.id, "STOPPED").pod_sandbox_status().state(), cri::SANDBOX_NOTREADY);
  // By this the kubelet knows which pod it can forget.
  EXPECT_EQ(subscriber.Find(pod.id, "DELETED").pod_sandbox_status().id(), pod.id);
  EXPECT_EQ(subscriber.Find(pod.id, "DELETED").pod_sandbox_status().metadata().uid(), "uid-pod");
  EXPECT_THAT(subscriber.Events(), SizeIs(8));
}

TEST_F(EventTest, OneThatLivesForAMomentIsStartedBeforeItIsStopped) {
  const PodRef pod = RunPod("moments");
  Subscriber subscriber(cri());
  for (int i = 0; i < 8; ++i) {
    const std::string id = Start(pod, ContainerOf("m" + std::to_string(i), "true"));
    EXPECT_TRUE(subscriber.Waits(id, {"CREATED", "STARTED", "STOPPED"})) << i;
    Must(cri().RemoveContainer(id));
    EXPECT_TRUE(subscriber.Waits(id, {"CREATED", "STARTED", "STOPPED", "DELETED"})) << i;
  }
}

TEST_F(EventTest, ARunningContainerThatIsRemovedHasStopped) {
  const PodRef pod = RunPod("forced");
  Subscriber subscriber(cri());
  const std::string id = Start(pod, ContainerOf("forced", "sleep 1000"));
  Must(cri().RemoveContainer(id));
  EXPECT_TRUE(subscriber.Waits(id, {"CREATED", "STARTED", "STOPPED", "DELETED"}));
}

TEST_F(EventTest, OneThatCannotStartStopsWithoutHavingStarted) {
  const PodRef pod = RunPod("missing");
  Subscriber subscriber(cri());
  const std::string id = Create(pod, ContainerRunning("missing", {"/no/such/program"}));
  EXPECT_FALSE(cri().StartContainer(id).ok());
  ASSERT_TRUE(subscriber.Waits(id, {"CREATED", "STOPPED"}));
  EXPECT_EQ(subscriber.Find(id, "STOPPED").containers_statuses(0).exit_code(), 128);
  Must(cri().RemoveContainer(id));
  EXPECT_TRUE(subscriber.Waits(id, {"CREATED", "STOPPED", "DELETED"}));
}

TEST_F(EventTest, OfAPodThatFailedNothingIsTold) {
  node().WriteCniConfig(kBridge);
  node().wrappers().Fail("ADD", R"({"cniVersion": "0.4.0", "code": 7, "msg": "no more addresses"})", 1);
  Subscriber subscriber(cri());
  EXPECT_FALSE(cri().RunPod(PodConfig("failed")).ok());
  node().wrappers().Release("ADD");
  const PodRef pod = RunPod("works");
  ASSERT_TRUE(subscriber.Waits(pod.id, {"CREATED", "STARTED"}));
  EXPECT_THAT(subscriber.Events(), SizeIs(2));
}

TEST_F(EventTest, TheDeathOfAShimStopsThePodAndItsContainers) {
  const PodRef pod = RunPod("shim");
  const std::string id = Start(pod, ContainerOf("shim", "sleep 1000"));
  Subscriber subscriber(cri());
  ASSERT_EQ(kill(PidByCommand("crisp-shim"), SIGKILL), 0);
  EXPECT_TRUE(subscriber.Waits(id, {"STOPPED"}));
  EXPECT_TRUE(subscriber.Waits(pod.id, {"STOPPED"}));
  EXPECT_EQ(subscriber.Find(id, "STOPPED").containers_statuses(0).exit_code(), 255);
  Must(cri().StopPod(pod.id));
  Must(cri().RemovePod(pod.id));
  EXPECT_TRUE(subscriber.Waits(pod.id, {"STOPPED", "DELETED"}));
  EXPECT_TRUE(subscriber.Waits(id, {"STOPPED", "DELETED"}));
}

TEST_F(EventTest, ARestartedDaemonTellsOnlyWhatIsNew) {
  const PodRef pod = RunPod("restart");
  const std::string running = Start(pod, ContainerOf("running", "sleep 1000"));
  const std::string exited = Start(pod, ContainerOf("exited", "true"));
  WaitForExit(exited);
  node().Restart();
  Subscriber subscriber(cri());
  Must(cri().StopContainer(running, 0));
  Must(cri().RemovePod(pod.id));
  EXPECT_TRUE(subscriber.Waits(running, {"STOPPED", "DELETED"}));
  EXPECT_TRUE(subscriber.Waits(exited, {"DELETED"}));
  EXPECT_TRUE(subscriber.Waits(pod.id, {"STOPPED", "DELETED"}));
}

TEST_F(EventTest, AllSubscribersHearTheSameInTheSameOrder) {
  const PodRef pod = RunPod("many");
  std::vector<std::unique_ptr<Subscriber>> subscribers;
  for (int i = 0; i < 3; ++i) subscribers.push_back(std::make_unique<Subscriber>(cri()));
  std::vector<std::future<cri::ContainerStatus>> ends;
  for (int i = 0; i < 4; ++i) {
    ends.push_back(
        std::async(std::launch::async, [&, i] { return RunToEnd(pod, ContainerOf("c" + std::to_string(i), "true")); }));
  }
  for (auto& end : ends) end.get();
  std::vector<std::vector<std::string>> heard;
  for (const auto& subscriber : subscribers) {
    EXPECT_TRUE(Eventually([&] { return subscriber->Events().size() == 12; }, kSoon));
    std::vector<std::string>& list = heard.emplace_back();
    for (const cri::ContainerEventResponse& event : subscriber->Events()) {
      list.push_back(event.container_id() + " " + Subscriber::TypeOf(event));
    }
  }
  EXPECT_EQ(heard[0], heard[1]);
  EXPECT_EQ(heard[0], heard[2]);
}

TEST_F(EventTest, ASlowSubscriberIsEndedAndHurtsNobodyElse) {
  cri::PodSandboxConfig config = PodConfig("slow");
  // Every event carries it: some twenty of them are more than a subscriber may have waiting.
  (*config.mutable_annotations())["big"] = std::string(1 << 20, 'x');
  const PodRef pod = RunPod(config);
  grpc::ClientContext context;
  const auto slow = cri().runtime().GetContainerEvents(&context, cri::GetEventsRequest());
  slow->WaitForInitialMetadata();
  Subscriber quick(cri());
  std::vector<std::string> ids;
  for (int i = 0; i < 15; ++i) {
    ids.push_back(Create(pod, ContainerOf("c" + std::to_string(i), "true")));
    Must(cri().RemoveContainer(ids.back()));
  }
  for (const std::string& id : ids) EXPECT_TRUE(quick.Waits(id, {"CREATED", "DELETED"}));
  cri::ContainerEventResponse event;
  size_t read = 0;
  while (slow->Read(&event)) ++read;
  const grpc::Status end = slow->Finish();
  EXPECT_EQ(end.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << Describe(end);
  EXPECT_THAT(end.error_message(), HasSubstr("too slowly"));
  EXPECT_LT(read, 30u);
}

TEST_F(EventTest, SubscribersCostNoThreadsAndLeaveNothingBehind) {
  const PodRef pod = RunPod("crowd");
  { const Subscriber first(cri()); }
  const size_t before = DaemonThreads();
  {
    std::vector<std::unique_ptr<Subscriber>> crowd;
    for (int i = 0; i < 60; ++i) crowd.push_back(std::make_unique<Subscriber>(cri()));
    EXPECT_LE(DaemonThreads(), before + 5);
    const std::string id = Start(pod, ContainerOf("heard", "sleep 1000"));
    for (const auto& subscriber : crowd) EXPECT_TRUE(subscriber->Waits(id, {"CREATED", "STARTED"}));
  }
  // They have gone: what happens now is sent to nobody.
  RunToEnd(pod, ContainerOf("unheard", "true"));
  EXPECT_TRUE(Eventually([&] { return DaemonThreads() <= before + 2; }, kSoon));
}

// Not only when the daemon stops waiting for connections that no client closes.
TEST_F(EventTest, TheEndOfTheDaemonEndsTheStreamAtOnce) {
  Subscriber subscriber(cri());
  const auto start = std::chrono::steady_clock::now();
  auto terminated = std::async(std::launch::async, [this] { return node().Terminate(); });
  const grpc::Status end = subscriber.End();
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1500));
  EXPECT_EQ(end.error_code(), grpc::StatusCode::UNAVAILABLE) << Describe(end);
  EXPECT_THAT(end.error_message(), HasSubstr("is ending"));
  EXPECT_EQ(terminated.get(), 0);
  node().Start();
}

}  // namespace
}  // namespace crisp::e2e
