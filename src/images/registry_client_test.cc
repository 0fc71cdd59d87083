#include "images/registry_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "base/testing/kept_span.h"
#include "images/digest.h"
#include "images/testing/registry_client_test.h"
#include "images/testing/test_registry.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::StartsWith;

TEST_F(RegistryClientTest, AManifestComesWithItsDigest) {
  const std::string digest = registry_.AddManifest("library/x", "1", manifest_, kManifestType);
  const absl::StatusOr<RawManifest> manifest = Client().FetchManifest(CallContext());
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->body, manifest_);
  EXPECT_EQ(manifest->digest, digest);
  EXPECT_EQ(manifest->content_type, kManifestType);
  EXPECT_EQ(registry_.requests().size(), 1u);
  EXPECT_THAT(registry_.requests()[0].Header("accept"), HasSubstr(kManifestType));
  EXPECT_EQ(registry_.requests()[0].Header("authorization"), "");
  EXPECT_EQ(registry_.requests()[0].query, "") << "?ns= is for mirrors";
  EXPECT_EQ(Client().Resolve(CallContext())->digest, digest);
  EXPECT_EQ(registry_.Count("HEAD "), 1);
}

TEST_F(RegistryClientTest, RequestsArePartsOfACallThatIsTracedWithoutTheirPaths) {
  KeptSpan span;
  const CallContext traced = CallContext().TracedIn(span.context(), &span);
  EXPECT_FALSE(Client("library/x:nope").FetchManifest(traced).ok());
  const std::vector<SpanPart> parts = span.parts();
  ASSERT_EQ(parts.size(), 2u) << "by https, which the registry does not speak, and by http";
  EXPECT_THAT(parts[0].fields, ElementsAre(Pair("http_method", "GET"), Pair("server", "127.0.0.1")));
  const SpanPart& answered = parts[1];
  EXPECT_EQ(answered.name, "registry GET");
  EXPECT_THAT(answered.fields,
              ElementsAre(Pair("http_method", "GET"), Pair("server", "127.0.0.1"), Pair("http_status", "404")));
  EXPECT_LE(answered.begun, answered.ended);
}

TEST_F(RegistryClientTest, AnUnknownManifestIsNotFoundWithTheReference) {
  const absl::Status status = Client("library/x:nope").FetchManifest(CallContext()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Text(status), AllOf(HasSubstr(registry_.host() + "/library/x:nope"), HasSubstr("404 Not Found"),
                                  HasSubstr("MANIFEST_UNKNOWN: manifest unknown")));
  EXPECT_EQ(registry_.requests().size(), 1u) << "a 404 is final";
}

TEST_F(RegistryClientTest, AManifestThatIsNotWhatItsDigestSaysIsRefused) {
  const std::string wanted = DigestOf("something else");
  AlwaysAnswer({.headers = {{"Content-Type", kManifestType}}, .body = manifest_});
  const absl::Status status = Client("library/x@" + wanted).FetchManifest(CallContext()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Text(status), AllOf(HasSubstr("digest mismatch"), HasSubstr(wanted)));
  AlwaysAnswer({.headers = {{"Docker-Content-Digest", wanted}}, .body = manifest_});
  EXPECT_THAT(Text(Client().FetchManifest(CallContext()).status()), HasSubstr("digest mismatch"));
}

TEST_F(RegistryClientTest, AManifestOfAnIndexHasTheSizeThatTheIndexSays) {
  const std::string digest = registry_.AddManifest("library/x", "1", manifest_, kManifestType);
  EXPECT_TRUE(Client().FetchManifest({kManifestType, digest, manifest_.size()}, CallContext()).ok());
  EXPECT_THAT(Text(Client().FetchManifest({kManifestType, digest, 5}, CallContext()).status()), HasSubstr("5"));
}

TEST_F(RegistryClientTest, AHugeManifestIsCutOff) {
  AlwaysAnswer({.body = std::string((4 << 20) + 1, ' ')});
  const absl::Status status = Client().FetchManifest(CallContext()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Text(status), HasSubstr("larger than 4194304"));
}

TEST_F(RegistryClientTest, EndlessHeadersAreCutOff) {
  FakeReply reply{.body = manifest_};
  for (int i = 0; i < 100; ++i) reply.headers.emplace_back("X", std::string(10000, 'x'));
  AlwaysAnswer(reply);
  EXPECT_FALSE(Client().FetchManifest(CallContext()).ok());
}

TEST_F(RegistryClientTest, PassingTroublesAreTriedAgain) {
  registry_.AddManifest("library/x", "1", manifest_, kManifestType);
  for (const int status : {429, 500, 502, 503}) {
    Answer([&, count = 0](const FakeRequest&) mutable -> std::optional<FakeReply> {
      if (++count > 2) return std::nullopt;
      return FakeReply{.status = status, .headers = {{"Retry-After", "3000"}}};
    });
    const MonoTime start = MonoClock::now();
    EXPECT_TRUE(Client().FetchManifest(CallContext()).ok()) << status;
    EXPECT_GE(MonoClock::now() - start, milliseconds(100)) << "Retry-After was not kept";
    EXPECT_LT(MonoClock::now() - start, seconds(5)) << "Retry-After has a limit";
  }
}

TEST_F(RegistryClientTest, LastingTroublesAreGivenUpAfterAFewTries) {
  AlwaysAnswer({.status = 503, .body = "busy"});
  const absl::Status status = Client().FetchManifest(CallContext()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(status), AllOf(StartsWith("RegistryUnavailable: "), HasSubstr("503 Service Unavailable"),
                                  HasSubstr("http://" + registry_.host() + "/v2")));
  EXPECT_EQ(registry_.requests().size(), 3u);
}

TEST_F(RegistryClientTest, ADeadlineDuringAPauseIsKept) {
  AlwaysAnswer({.status = 503, .headers = {{"Retry-After", "9"}}});
  RegistryTimes slow = Quick();
  slow.retry_after_limit = seconds(9);
  auto client =
      *RegistryClient::Create(options_, *ParseReference(registry_.host() + "/library/x:1"), {}, &counters_, slow);
  const MonoTime start = MonoClock::now();
  EXPECT_EQ(client->FetchManifest(CallContext::WithTimeout(milliseconds(50))).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(MonoClock::now() - start, seconds(2));
}

TEST_F(RegistryClientTest, TheConfigIsCheckedWhole) {
  const std::string config = R"({"os":"linux"})";
  const std::string digest = registry_.AddBlob(config);
  EXPECT_EQ(*Client().FetchBlob({"", digest, config.size()}, CallContext()), config);
  EXPECT_FALSE(Client().FetchBlob({"", digest, config.size() - 1}, CallContext()).ok());
  EXPECT_FALSE(Client().FetchBlob({"", digest, config.size() + 1}, CallContext()).ok());
  AlwaysAnswer({.body = R"({"os":"l1nux"})"});
  EXPECT_THAT(Text(Client().FetchBlob({"", digest, config.size()}, CallContext()).status()),
              HasSubstr("digest mismatch"));
}

TEST_F(RegistryClientTest, WhatSpeaksNoHttpIsUnavailable) {
  AlwaysAnswer({.status = 200, .headers = {{"Content-Length", "99999999999999999999999"}}});
  EXPECT_FALSE(Client().FetchManifest(CallContext()).ok());
}

}  // namespace
}  // namespace crisp
