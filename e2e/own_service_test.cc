// crisp's own services, on the socket of the CRI: pulls that are watched, names of images, the node's pages.
#include <future>
#include <nlohmann/json.hpp>

#include "api/crisp/v1/crisp.grpc.pb.h"
#include "e2e/fixture.h"
#include "e2e/http.h"
#include "e2e/slow_proxy.h"

namespace crisp::e2e {
namespace {

using Part = v1::PullProgress::Part;

constexpr int kSlowPort = 5004;
constexpr char kSlowBig[] = "slow.example/e2e/big:1";
constexpr char kDebugSocket[] = "/run/e2e/debug.sock";

// slow.example is the node's registry behind a proxy of 4 MiB a second.
class OwnServiceTest : public NodeTest {
 protected:
  NodeOptions Options(const Machine&) override {
    NodeOptions options;
    options.extra_toml = "[debug]\naddress = \"" + std::string(kDebugSocket) +
                         "\"\n[plugins.\"io.containerd.grpc.v1.cri\".registry.mirrors.\"slow.example\"]\n"
                         "endpoint = [\"http://127.0.0.1:" +
                         std::to_string(kSlowPort) + "\"]\n";
    return options;
  }
  void Begin() override {
    Connect();
    proxy_ = std::make_unique<SlowProxy>(kSlowPort, node().registry().port(), 4 << 20);
  }
  // A connection would be a descriptor that is left.
  void TearDown() override {
    images_.reset();
    node_pages_.reset();
    NodeTest::TearDown();
  }
  // Anew after each start of crispd: a channel that has failed waits before it tries again.
  void Connect() {
    const auto channel = grpc::CreateChannel("unix://" + node().paths().socket(), grpc::InsecureChannelCredentials());
    images_ = v1::Images::NewStub(channel);
    node_pages_ = v1::Node::NewStub(channel);
  }

  struct Watched {
    std::vector<v1::PullProgress> messages;
    grpc::Status end;
  };
  // `seen` is called after each message with all so far.
  Watched Pull(const std::string& image, grpc::ClientContext* context,
               const std::function<void(const Watched&)>& seen = {}) {
    context->set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    v1::PullRequest request;
    request.set_image(image);
    const auto reader = images_->Pull(context, request);
    Watched watched;
    for (v1::PullProgress message; reader->Read(&message);) {
      watched.messages.push_back(message);
      if (seen) seen(watched);
    }
    watched.end = reader->Finish();
    return watched;
  }
  Watched Pull(const std::string& image) {
    grpc::ClientContext context;
    return Pull(image, &context);
  }

  template <typename Stub, typename Request, typename Response>
  static Answer<Response> Call(Stub& stub,
                               grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                               const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
    Answer<Response> answer;
    answer.status = (stub.*method)(&context, request, &answer.value);
    return answer;
  }
  Answer<v1::TagResponse> Tag(const std::string& image, const std::string& name) {
    v1::TagRequest request;
    request.set_image(image);
    request.set_name(name);
    return Call(*images_, &v1::Images::Stub::Tag, request);
  }
  Answer<v1::UntagResponse> Untag(const std::string& name) {
    v1::UntagRequest request;
    request.set_name(name);
    return Call(*images_, &v1::Images::Stub::Untag, request);
  }
  Answer<v1::PageResponse> Page(const std::string& path) {
    v1::PageRequest request;
    request.set_path(path);
    return Call(*node_pages_, &v1::Node::Stub::Page, request);
  }
  std::string Save(const std::vector<std::string>& images, grpc::StatusCode expected = grpc::StatusCode::OK) {
    grpc::ClientContext context;
    v1::SaveRequest request;
    for (const std::string& image : images) request.add_images(image);
    const auto reader = images_->Save(&context, request);
    std::string archive;
    for (v1::Chunk chunk; reader->Read(&chunk);) archive += chunk.data();
    const grpc::Status end = reader->Finish();
    EXPECT_EQ(end.error_code(), expected) << Describe(end);
    return archive;
  }
  Answer<v1::LoadResponse> Load(const std::string& archive) {
    grpc::ClientContext context;
    Answer<v1::LoadResponse> answer;
    const auto writer = images_->Load(&context, &answer.value);
    v1::Chunk chunk;
    for (size_t at = 0; at < archive.size(); at += 100000) {
      chunk.set_data(archive.substr(at, 100000));
      if (!writer->Write(chunk)) break;
    }
    writer->WritesDone();
    answer.status = writer->Finish();
    return answer;
  }
  std::vector<v1::PullProgress> Pulls() {
    const auto answer = Must(Call(*images_, &v1::Images::Stub::ListPulls, v1::ListPullsRequest()));
    return {answer.pulls().begin(), answer.pulls().end()};
  }
  std::vector<std::string> Tags(const std::string& image) {
    const cri::Image found = Must(cri().ImageStatus(image)).image();
    return {found.repo_tags().begin(), found.repo_tags().end()};
  }

  static int64_t LayerBytes(const v1::PullProgress& message) {
    int64_t bytes = 0;
    for (const Part& part : message.parts()) bytes += part.kind() == Part::LAYER ? part.received() : 0;
    return bytes;
  }
  static bool IsReceiving(const Watched& watched) { return LayerBytes(watched.messages.back()) > 0; }

  std::unique_ptr<v1::Images::Stub> images_;
  std::unique_ptr<v1::Node::Stub> node_pages_;
  std::unique_ptr<SlowProxy> proxy_;
};

TEST_F(OwnServiceTest, AThrottledPullTellsMoreAndMoreBytesUntilAllAreThere) {
  const auto begin = std::chrono::steady_clock::now();
  const Watched watched = Pull(kSlowBig);
  const auto time = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(watched.end.ok()) << Describe(watched.end);
  ASSERT_GE(watched.messages.size(), 4u);
  EXPECT_LE(watched.messages.size(), 5 * static_cast<size_t>(time / std::chrono::seconds(1) + 1) + 2);
  int64_t before = 0, between = 0;
  for (const v1::PullProgress& message : watched.messages) {
    EXPECT_EQ(message.reference(), kSlowBig);
    EXPECT_GE(LayerBytes(message), before);
    between += LayerBytes(message) > before ? 1 : 0;
    before = LayerBytes(message);
    EXPECT_EQ(message.image().empty(), &message != &watched.messages.back());
  }
  EXPECT_GE(between, 3) << "the bytes come little by little";
  const v1::PullProgress& last = watched.messages.back();
  EXPECT_EQ(last.image(), Store().images.at(kBig).id);
  EXPECT_EQ(last.endpoint(), "http://127.0.0.1:" + std::to_string(kSlowPort));
  ASSERT_EQ(last.parts_size(), 3) << last.DebugString();
  EXPECT_EQ(last.parts(0).kind(), Part::MANIFEST);
  EXPECT_EQ(last.parts(0).digest(), Store().images.at(kBig).digest);
  EXPECT_EQ(last.parts(1).kind(), Part::CONFIG);
  EXPECT_EQ(last.parts(2).kind(), Part::LAYER);
  uint64_t sum = 0;
  for (const Part& part : last.parts()) {
    EXPECT_EQ(part.state(), Part::DONE);
    EXPECT_EQ(part.received(), part.size());
    if (part.kind() != Part::MANIFEST) sum += static_cast<uint64_t>(part.size());
  }
  EXPECT_EQ(sum, Must(cri().ImageStatus(kSlowBig)).image().size());
  EXPECT_THAT(Pulls(), IsEmpty());
}

TEST_F(OwnServiceTest, APullOfTheKubeletIsListedAndJoined) {
  auto kubelet = std::async(std::launch::async, [this] { return cri().Pull(kSlowBig); });
  ASSERT_TRUE(Eventually([this] { return !Pulls().empty() && LayerBytes(Pulls()[0]) > 0; }));
  const Watched joined = Pull(kSlowBig);
  ASSERT_TRUE(joined.end.ok()) << Describe(joined.end);
  ASSERT_GE(joined.messages.size(), 2u);
  EXPECT_GT(LayerBytes(joined.messages[1]), 0) << "it sees what the other has received";
  EXPECT_EQ(joined.messages.back().image(), Must(kubelet.get()).image_ref());
  const std::string log = node().registry().Log();
  const std::string request = "GET /v2/e2e/big/blobs/" + joined.messages.back().parts(2).digest();
  const size_t first = log.find(request);
  EXPECT_NE(first, std::string::npos);
  EXPECT_EQ(log.find(request, first + 1), std::string::npos) << "the layer is fetched once";
}

TEST_F(OwnServiceTest, AClientThatLeavesCancelsItsOwnCallOnly) {
  auto kubelet = std::async(std::launch::async, [this] { return cri().Pull(kSlowBig); });
  ASSERT_TRUE(Eventually([this] { return !Pulls().empty(); }));
  grpc::ClientContext context;
  const Watched left = Pull(kSlowBig, &context, [&](const Watched&) { context.TryCancel(); });
  EXPECT_EQ(left.end.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(Must(kubelet.get()).image_ref(), Store().images.at(kBig).id);
}

TEST_F(OwnServiceTest, APullThatNobodyWaitsForAnyMoreEnds) {
  grpc::ClientContext context;
  Pull(kSlowBig, &context, [&](const Watched& watched) {
    if (IsReceiving(watched)) context.TryCancel();
  });
  EXPECT_TRUE(Eventually([this] { return Pulls().empty(); }));
  EXPECT_FALSE(Must(cri().ImageStatus(kSlowBig)).has_image());
}

TEST_F(OwnServiceTest, ManyWhoWatchAPullKeepNobodyFromBeingServed) {
  std::vector<std::future<Watched>> watchers;
  for (int i = 0; i < 30; ++i) {
    watchers.push_back(std::async(std::launch::async, [this] { return Pull(kSlowBig); }));
  }
  EXPECT_TRUE(cri().Version().ok());
  for (auto& watcher : watchers) {
    const Watched watched = watcher.get();
    ASSERT_TRUE(watched.end.ok()) << Describe(watched.end);
    EXPECT_EQ(watched.messages.back().image(), Store().images.at(kBig).id);
  }
}

TEST_F(OwnServiceTest, APullThatFailsEndsWithTheErrorOfPullImage) {
  for (const std::string image : {"", "UPPER CASE", "docker.io/e2e/nothing:1"}) {
    const Watched watched = Pull(image);
    const Answer<cri::PullImageResponse> same = cri().Pull(image);
    EXPECT_EQ(watched.end.error_code(), same.code()) << image;
    if (image.empty()) continue;
    EXPECT_EQ(watched.end.error_message(), same.text());
  }
  EXPECT_THAT(Pull("").end.error_message(), HasSubstr("name the image"));
}

TEST_F(OwnServiceTest, TheKubeletSeesTheNamesThatAnImageIsGivenAndLoses) {
  const std::string id = Store().images.at(kBusybox).id;
  EXPECT_EQ(Must(Tag(kBusybox, "mine:1")).name(), "docker.io/library/mine:1");
  EXPECT_EQ(Must(Tag(id.substr(7, 12), "host:5000/a/b")).name(), "host:5000/a/b:latest");
  EXPECT_THAT(Tags(id), ElementsAre(kBusybox, "docker.io/library/mine:1", "host:5000/a/b:latest"));
  EXPECT_EQ(Must(cri().ImageStatus("mine:1")).image().id(), id);
  node().Restart();
  Connect();
  EXPECT_THAT(Tags(id), ElementsAre(kBusybox, "docker.io/library/mine:1", "host:5000/a/b:latest"));
  EXPECT_FALSE(Must(Untag("mine:1")).image_removed());
  EXPECT_FALSE(Must(Untag("host:5000/a/b")).image_removed());
  EXPECT_THAT(Tags(id), ElementsAre(kBusybox));
}

TEST_F(OwnServiceTest, ATagThatAnotherImageHasMoves) {
  Must(Tag(kBusybox, "mine:1"));
  Must(Tag(kPause, "mine:1"));
  EXPECT_EQ(Must(cri().ImageStatus("mine:1")).image().id(), Store().images.at(kPause).id);
  EXPECT_THAT(Tags(kBusybox), ElementsAre(kBusybox));
  Must(Untag("mine:1"));
}

TEST_F(OwnServiceTest, AnImageGoesWithItsLastTag) {
  Must(cri().Pull(kStopSignal));
  Must(Tag(kStopSignal, "docker.io/e2e/stopsignal:2"));
  EXPECT_FALSE(Must(Untag(kStopSignal)).image_removed());
  EXPECT_TRUE(Must(Untag("docker.io/e2e/stopsignal:2")).image_removed());
  EXPECT_FALSE(Must(cri().ImageStatus(Store().images.at(kStopSignal).id)).has_image());
}

TEST_F(OwnServiceTest, NamesThatCannotBeGivenOrTakenAreSaid) {
  const Answer<v1::TagResponse> absent = Tag("docker.io/e2e/nothing:1", "mine:1");
  EXPECT_EQ(absent.code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(absent.text(), HasSubstr("docker.io/e2e/nothing:1"));
  const Answer<v1::TagResponse> digest = Tag(kBusybox, "mine@" + Store().images.at(kBusybox).digest);
  EXPECT_EQ(digest.code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(digest.text(), HasSubstr("digest"));
  EXPECT_EQ(Tag(kBusybox, "Not A Name").code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Tag(kBusybox, "").code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Untag("mine:1").code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Untag("").code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(OwnServiceTest, AnImageIsDescribedByItsConfigAndItsLayers) {
  v1::DescribeRequest request;
  request.set_image(kBusybox);
  const v1::DescribeResponse described = Must(Call(*images_, &v1::Images::Stub::Describe, request));
  EXPECT_EQ(described.id(), Store().images.at(kBusybox).id);
  const auto config = nlohmann::json::parse(described.config());
  ASSERT_EQ(static_cast<size_t>(described.layers_size()), config["rootfs"]["diff_ids"].size());
  uint64_t packed = described.config().size();
  for (int i = 0; i < described.layers_size(); ++i) {
    EXPECT_EQ(described.layers(i).diff_id(), config["rootfs"]["diff_ids"][static_cast<size_t>(i)]);
    EXPECT_GT(described.layers(i).unpacked(), 0);
    packed += static_cast<uint64_t>(described.layers(i).packed());
  }
  EXPECT_EQ(packed, Must(cri().ImageStatus(kBusybox)).image().size());
  request.set_image("nothing:1");
  EXPECT_EQ(Call(*images_, &v1::Images::Stub::Describe, request).code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(OwnServiceTest, AnImageThatIsSavedAndLoadedRuns) {
  Must(cri().Pull(kStopSignal));
  const std::string archive = Save({kStopSignal});
  EXPECT_GT(archive.size(), 500000u);
  Must(cri().RemoveImage(kStopSignal));
  const Answer<v1::LoadResponse> loaded = Load(archive);
  EXPECT_THAT(Must(loaded).names(), ElementsAre(kStopSignal));
  cri::ContainerConfig config = ContainerOf("c", "echo it runs");
  config.mutable_image()->set_image(kStopSignal);
  EXPECT_THAT(OutputOf(RunPod("loaded"), config), HasSubstr("it runs"));
  EXPECT_EQ(Load("no archive").code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Save({"nothing:1"}, grpc::StatusCode::NOT_FOUND), "");
  EXPECT_EQ(Save({}, grpc::StatusCode::INVALID_ARGUMENT), "");
}

TEST_F(OwnServiceTest, UsageTellsWhatAPruneWouldFree) {
  const v1::UsageResponse usage = Must(Call(*images_, &v1::Images::Stub::Usage, v1::UsageRequest()));
  ASSERT_EQ(usage.images_size(), 2);
  int64_t unpinned = 0;
  for (const auto& image : usage.images()) {
    EXPECT_EQ(static_cast<uint64_t>(image.packed()), Must(cri().ImageStatus(image.id())).image().size());
    EXPECT_EQ(image.pinned(), image.names(0) == kPause);
    if (!image.pinned()) unpinned += image.unpacked();
  }
  EXPECT_EQ(usage.unused_layers(), unpinned);
  EXPECT_EQ(static_cast<uint64_t>(usage.layers()), Must(cri().ImageFsInfo()).image_filesystems(0).used_bytes().value());
  const PodRef pod = RunPod("user-of-busybox");
  Create(pod, ContainerOf("c", "true"));
  EXPECT_EQ(Must(Call(*images_, &v1::Images::Stub::Usage, v1::UsageRequest())).unused_layers(), 0);
}

TEST_F(OwnServiceTest, APageIsWhatTheDebugSocketServes) {
  const PodRef pod = RunPod("looked-at");
  for (const std::string& path : {std::string("/pods"), std::string("/config"), "/pods/" + pod.id + "/trace"}) {
    EXPECT_EQ(Must(Page(path)).json(), FetchFromSocket(kDebugSocket, path)) << path;
  }
  EXPECT_THAT(Must(Page("/pods/" + pod.id)).json(), HasSubstr(pod.id));
  EXPECT_EQ(Page("/nothing").code(), grpc::StatusCode::NOT_FOUND);
  const Answer<v1::PageResponse> no_pod = Page("/pods/none/such");
  EXPECT_EQ(no_pod.code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(no_pod.text(), HasSubstr("none/such"));
  EXPECT_EQ(Page("").code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace crisp::e2e
