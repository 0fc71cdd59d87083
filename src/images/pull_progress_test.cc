// What a pull tells of itself while it is at work, and when it has ended.
#include "images/pull_progress.h"

#include <gmock/gmock.h>

#include <future>

#include "base/testing/wait.h"
#include "images/testing/images_test.h"

namespace crisp {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using Kind = PullPart::Kind;
using State = PullPart::State;

class PullProgressTest : public ImagesTest {
 protected:
  std::future<absl::StatusOr<std::string>> PullAside(const std::string& rest, PullWatch* watch,
                                                     const CallContext& call = CallContext()) {
    return std::async(std::launch::async,
                      [this, rest, watch, call] { return images_->PullWatched(Ref(rest), {}, call, watch); });
  }
  static std::vector<PullPart> Of(const PullState& state, Kind kind) {
    std::vector<PullPart> parts;
    for (const PullPart& part : state.parts) {
      if (part.kind == kind) parts.push_back(part);
    }
    return parts;
  }
};

TEST_F(PullProgressTest, APullThatHasEndedShowsAllItsPartsAsDone) {
  const WrittenImage written = Serve(Describe("x", "hello", 2), "app", "1");
  PullWatch watch;
  ASSERT_TRUE(images_->PullWatched(Ref("app:1"), {}, CallContext(), &watch).ok());
  const PullState state = watch.progress()->Look();
  EXPECT_EQ(state.reference, Ref("app:1"));
  EXPECT_EQ(state.endpoint, "http://" + registry_.host());
  ASSERT_THAT(state.parts, SizeIs(4));
  EXPECT_EQ(state.parts[0].kind, Kind::kManifest);
  EXPECT_EQ(state.parts[0].digest, written.digest);
  EXPECT_EQ(state.parts[1].kind, Kind::kConfig);
  EXPECT_EQ(state.parts[1].digest, written.config_digest);
  EXPECT_EQ(state.parts[2].digest, written.layer_digests[0]);
  EXPECT_EQ(state.parts[3].digest, written.layer_digests[1]);
  for (const PullPart& part : state.parts) {
    EXPECT_EQ(part.state, State::kDone) << part.digest;
    EXPECT_GT(part.size, 0u) << part.digest;
    EXPECT_EQ(part.received, part.size) << part.digest;
    EXPECT_EQ(part.endpoint, state.endpoint) << part.digest;
  }
  EXPECT_EQ(watch.progress()->Look().elapsed, state.elapsed) << "the clock stands";
  EXPECT_THAT(images_->Pulls(), IsEmpty());
}

TEST_F(PullProgressTest, AnIndexComesBeforeItsManifest) {
  ImageDescription description = Describe("x", "hello");
  description.with_index = true;
  const WrittenImage written = Serve(description, "app", "1");
  PullWatch watch;
  ASSERT_TRUE(images_->PullWatched(Ref("app:1"), {}, CallContext(), &watch).ok());
  const PullState state = watch.progress()->Look();
  ASSERT_THAT(state.parts, SizeIs(4));
  EXPECT_EQ(state.parts[0].kind, Kind::kIndex);
  EXPECT_EQ(state.parts[0].digest, written.digest);
  EXPECT_EQ(state.parts[1].kind, Kind::kManifest);
  EXPECT_EQ(state.parts[1].digest, written.manifest_digest);
}

TEST_F(PullProgressTest, LayersThatAreHereExistAndReceiveNothing) {
  Serve(Describe("x", "hello", 1), "base", "1");
  Serve(Describe("x", "hello", 2), "app", "1");
  ASSERT_TRUE(Pull("base:1").ok());
  PullWatch watch;
  ASSERT_TRUE(images_->PullWatched(Ref("app:1"), {}, CallContext(), &watch).ok());
  const std::vector<PullPart> layers = Of(watch.progress()->Look(), Kind::kLayer);
  ASSERT_THAT(layers, SizeIs(2));
  EXPECT_EQ(layers[0].state, State::kExists);
  EXPECT_EQ(layers[0].received, 0u);
  EXPECT_EQ(layers[1].state, State::kDone);
}

TEST_F(PullProgressTest, AnImageThatIsUpToDateHasItsDigestAsWhatExists) {
  const WrittenImage written = Serve(Describe("x", "hello"), "app", "1");
  ASSERT_TRUE(Pull("app:1").ok());
  PullWatch watch;
  ASSERT_TRUE(images_->PullWatched(Ref("app:1"), {}, CallContext(), &watch).ok());
  const PullState state = watch.progress()->Look();
  ASSERT_THAT(state.parts, SizeIs(1));
  EXPECT_EQ(state.parts[0].digest, written.digest);
  EXPECT_EQ(state.parts[0].state, State::kExists);
}

TEST_F(PullProgressTest, APullAtWorkIsOnTheBoardAndWhoJoinsItSeesTheSame) {
  const WrittenImage written = Serve(Describe("x", Noise(1 << 20), 1), "app", "1");
  HangIn(written.layer_digests[0]);
  std::atomic<bool> left = false;
  const CallContext call(kNoDeadline, [&left] { return left.load(); });
  PullWatch first, second;
  auto one = PullAside("app:1", &first, call);
  WaitUntilHeld();
  auto two = PullAside("app:1", &second, call);
  ASSERT_TRUE(Eventually([&] { return second.progress() != nullptr; }));
  EXPECT_EQ(second.progress(), first.progress());
  ASSERT_THAT(images_->Pulls(), SizeIs(1));
  EXPECT_EQ(images_->Pulls()[0], first.progress());
  EXPECT_TRUE(Eventually([&] { return Of(first.progress()->Look(), Kind::kLayer)[0].received > 0; }));
  const PullPart layer = Of(first.progress()->Look(), Kind::kLayer)[0];
  EXPECT_EQ(layer.state, State::kReceiving);
  EXPECT_LT(layer.received, layer.size);
  left = true;
  EXPECT_EQ(one.get().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(two.get().status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(Eventually([&] { return images_->Pulls().empty(); }));
}

TEST(PullProgressOfPartsTest, ALayerThatAnImageHasTwiceIsCountedWhereItIsReceived) {
  PullProgress progress("x");
  progress.AddLayers({{"sha256:a", 10, "sha256:d"}, {"sha256:a", 10, "sha256:d"}});
  EXPECT_EQ(progress.Receive("sha256:a"), nullptr) << "nobody receives it yet";
  progress.SetLayer(1, State::kReceiving);
  *progress.Receive("sha256:a") += 7;
  EXPECT_EQ(progress.Look().parts[0].received, 0u);
  EXPECT_EQ(progress.Look().parts[1].received, 7u);
}

TEST(PullProgressOfPartsTest, WhatCouldNotBeHadIsNoPart) {
  PullProgress progress("x");
  progress.Begin(Kind::kManifest, "sha256:a", 5);
  progress.GiveUp("sha256:a");
  EXPECT_THAT(progress.Look().parts, IsEmpty());
}

TEST(PullProgressOfPartsTest, ALongPullIsLoggedAgainAndAgain) {
  PullProgress progress("docker.io/library/app:1", std::chrono::milliseconds(20));
  progress.AddLayers({{"sha256:a", 10, "sha256:d"}, {"sha256:b", 5, "sha256:e"}});
  progress.SetLayer(0, State::kExists);
  progress.SetLayer(1, State::kReceiving);
  *progress.Receive("sha256:b") += 3;
  progress.Answered("sha256:b", "https://mirror");
  testing::internal::CaptureStderr();
  progress.LogIfLong();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "") << "it is not long yet";
  for (int i = 0; i < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    testing::internal::CaptureStderr();
    progress.LogIfLong();
    progress.LogIfLong();
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_THAT(log, testing::HasSubstr("image=docker.io/library/app:1"));
    EXPECT_THAT(log, testing::HasSubstr("received_bytes=3 bytes=5 layers_done=1 layers=2 endpoint=https://mirror"));
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  }
}

}  // namespace
}  // namespace crisp
