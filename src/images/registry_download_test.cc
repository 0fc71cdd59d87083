// Blobs of layers: resumed downloads, sizes, silence and ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/testing/wait.h"
#include "images/digest.h"
#include "images/testing/registry_client_test.h"
#include "images/testing/test_registry.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class RegistryDownloadTest : public RegistryClientTest {};

TEST_F(RegistryDownloadTest, ABlobComesWhole) {
  registry_.AddBlob(blob_);
  const absl::StatusOr<std::string> got = Blob();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(*got == blob_);
  EXPECT_EQ(registry_.requests().size(), 1u);
}

TEST_F(RegistryDownloadTest, AResetDownloadGoesOnWhereItWas) {
  registry_.AddBlob(blob_);
  Answer([&, count = 0](const FakeRequest& request) mutable -> std::optional<FakeReply> {
    if (++count > 1) return std::nullopt;
    EXPECT_EQ(request.Header("range"), "");
    return FakeReply{.body = blob_, .reset_after = 100000};
  });
  const absl::StatusOr<std::string> got = Blob();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(*got == blob_);
  ASSERT_EQ(registry_.requests().size(), 2u);
  EXPECT_EQ(registry_.requests()[1].Header("range"), "bytes=100000-");
  EXPECT_EQ(counters_.resumed_downloads.value(), 1u);
  EXPECT_EQ(counters_.retries.value(), 1u);
  EXPECT_EQ(counters_.received_bytes.value(), blob_.size());
}

TEST_F(RegistryDownloadTest, ADownloadThatBreaksOffManyTimesIsFinishedAsLongAsItProgresses) {
  blob_.assign(12 << 20, 'x');
  registry_.AddBlob(blob_);
  Answer([&](const FakeRequest& request) -> std::optional<FakeReply> {
    size_t start = 0;
    (void)absl::SimpleAtoi(absl::StripSuffix(absl::StripPrefix(request.Header("range"), "bytes="), "-"), &start);
    if (blob_.size() - start <= (2 << 20)) return std::nullopt;
    return FakeReply{
        .status = start == 0 ? 200 : 206,
        .headers = {{"Content-Range", absl::StrCat("bytes ", start, "-", blob_.size() - 1, "/", blob_.size())}},
        .body = blob_.substr(start),
        .reset_after = 2 << 20};
  });
  const absl::StatusOr<std::string> got = Blob();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(*got == blob_);
}

TEST_F(RegistryDownloadTest, ADownloadThatMakesNoProgressIsGivenUp) {
  Answer([&](const FakeRequest& request) -> std::optional<FakeReply> {
    const bool first = request.Header("range").empty();
    return FakeReply{.status = first ? 200 : 206,
                     .headers = {{"Content-Range", "bytes 10-3145730/3145731"}},
                     .body = blob_.substr(first ? 0 : 10),
                     .reset_after = first ? 10 : 0};
  });
  const absl::Status status = Blob().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(status), AllOf(StartsWith("RegistryUnavailable: "), HasSubstr(DigestOf(blob_))));
  EXPECT_LE(registry_.requests().size(), 5u);
}

TEST_F(RegistryDownloadTest, ARegistryWithoutRangeSendsAgainWhatIsKnown) {
  Answer([&, count = 0](const FakeRequest&) mutable {
    return ++count == 1 ? FakeReply{.body = blob_, .reset_after = 1000} : FakeReply{.body = blob_};
  });
  const absl::StatusOr<std::string> got = Blob();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(*got == blob_);
}

TEST_F(RegistryDownloadTest, ARangeThatWasNotAskedForIsRefused) {
  Answer([&, count = 0](const FakeRequest&) mutable {
    if (++count == 1) return FakeReply{.body = blob_, .reset_after = 1000};
    return FakeReply{.status = 206, .headers = {{"Content-Range", "bytes 999-1/2"}}, .body = blob_.substr(999)};
  });
  EXPECT_THAT(Text(Blob().status()), HasSubstr("bytes from 0"));
  EXPECT_EQ(registry_.requests().size(), 3u) << "after the wrong range the whole blob is asked for";
  EXPECT_EQ(registry_.requests()[1].Header("range"), "bytes=1000-");
  EXPECT_EQ(registry_.requests()[2].Header("range"), "");
  AlwaysAnswer({.status = 206, .headers = {{"Content-Range", "bytes 0-1/2"}}, .body = blob_});
  EXPECT_THAT(Text(Blob().status()), HasSubstr("bytes from 0"));
}

TEST_F(RegistryDownloadTest, AShortBlobIsNotTakenForWhole) {
  AlwaysAnswer({.body = blob_.substr(5)});
  EXPECT_THAT(Text(Blob().status()), HasSubstr("the manifest says 3145731"));
  AlwaysAnswer({.body = "abc", .without_length = true});
  const absl::Status status = Blob().status();
  EXPECT_THAT(Text(status), HasSubstr("ended after"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(RegistryDownloadTest, ABlobThatIsTooLongIsCutOff) {
  AlwaysAnswer({.body = blob_ + "x"});
  EXPECT_THAT(Text(Blob().status()), HasSubstr("the registry has 3145732 bytes"));
  AlwaysAnswer({.body = blob_ + "x", .without_length = true});
  const absl::Status status = Blob().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Text(status), HasSubstr("longer than"));
}

TEST_F(RegistryDownloadTest, AnErrorOfTheSinkEndsItAndComesBackAsItIs) {
  registry_.AddBlob(blob_);
  const absl::Status full = absl::ResourceExhaustedError("disk full");
  const absl::Status status = Client().Fetch(
      {.digest = DigestOf(blob_), .size = blob_.size(), .diff_id = ""}, [&](absl::string_view) { return full; },
      CallContext());
  EXPECT_EQ(status, full);
  EXPECT_EQ(registry_.requests().size(), 1u);
}

TEST_F(RegistryDownloadTest, ASilentRegistryIsLeftAfterTheStallTime) {
  times_ = Quick(milliseconds(300));
  AlwaysAnswer({.headers = {{"Content-Length", "3145731"}}, .body = "abc", .hang = true});
  const MonoTime start = MonoClock::now();
  const absl::Status status = Blob().status();
  EXPECT_LT(MonoClock::now() - start, seconds(5));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(status), HasSubstr("no byte for 300 ms"));
}

TEST_F(RegistryDownloadTest, ASlowSinkIsNotTheRegistrysSilence) {
  times_ = Quick(milliseconds(300));
  registry_.AddBlob(blob_);
  bool slept = false;
  const absl::Status status = Client().Fetch(
      {.digest = DigestOf(blob_), .size = blob_.size(), .diff_id = ""},
      [&](absl::string_view) {
        if (!slept) LetTimePass(milliseconds(500));  // longer than a registry may be silent
        slept = true;
        return absl::OkStatus();
      },
      CallContext());
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(RegistryDownloadTest, ACallThatIsOverEndsSoon) {
  AlwaysAnswer({.headers = {{"Content-Length", "3145731"}}, .body = "abc", .hang = true});
  RegistryTimes patient = Quick();
  patient.http.stall = seconds(60);
  auto client =
      *RegistryClient::Create(options_, *ParseReference(registry_.host() + "/library/x:1"), {}, &counters_, patient);
  MonoTime start = MonoClock::now();
  EXPECT_EQ(Blob(*client, blob_.size(), CallContext::WithTimeout(milliseconds(50))).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(MonoClock::now() - start, seconds(2));
  start = MonoClock::now();
  const CallContext cancelled(kNoDeadline, [&] { return MonoClock::now() > start + milliseconds(50); });
  EXPECT_EQ(Blob(*client, blob_.size(), cancelled).status().code(), absl::StatusCode::kCancelled);
  EXPECT_LT(MonoClock::now() - start, seconds(2));
}

}  // namespace
}  // namespace crisp
