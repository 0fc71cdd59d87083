#include "images/registry_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/testing/wait.h"
#include "images/digest.h"
#include "images/testing/test_registry.h"
#include "os/file.h"
#include "os/process.h"
#include "tests/oci/image_layout.h"

namespace crisp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";

RegistryTimes Quick() {
  return {.http = {.connect = milliseconds(2000), .stall = milliseconds(300)},
          .first_pause = milliseconds(5),
          .retry_after_limit = milliseconds(50)};
}

std::string Text(const absl::Status& status) {
  return std::string(status.message());
}

// A pull of library/x from a false registry, and a second one for it to be redirected to.
class RegistryClientTest : public testing::Test {
 protected:
  RegistryClient& Client(const std::string& reference = "library/x:1", const RegistryAuth& auth = {}) {
    absl::StatusOr<std::unique_ptr<RegistryClient>> client =
        RegistryClient::Create(options_, *ParseReference(registry_.host() + "/" + reference), auth, Quick());
    EXPECT_TRUE(client.ok()) << client.status();
    client_ = *std::move(client);
    return *client_;
  }

  // Fetches `blob_` and returns what arrived.
  absl::StatusOr<std::string> Blob(RegistryClient& client, uint64_t size, const Call& call = Call()) {
    std::string got;
    const absl::Status status = client.Fetch(
        {.digest = DigestOf(blob_), .size = size, .diff_id = ""},
        [&](absl::string_view bytes) {
          got.append(bytes.data(), bytes.size());
          return absl::OkStatus();
        },
        call);
    if (!status.ok()) return status;
    return got;
  }
  absl::StatusOr<std::string> Blob() { return Blob(Client(), blob_.size()); }

  void Answer(std::function<std::optional<FakeReply>(const FakeRequest&)> handler) { registry_.SetHandler(handler); }
  void AlwaysAnswer(FakeReply reply) {
    Answer([reply](const FakeRequest&) { return reply; });
  }

  RegistryOptions options_;
  FakeRegistry registry_;
  FakeRegistry other_;
  std::unique_ptr<RegistryClient> client_;
  std::string blob_ = std::string(3 << 20, 'b') + "end";
  const std::string manifest_ = R"({"schemaVersion":2})";
};

TEST_F(RegistryClientTest, AManifestComesWithItsDigest) {
  const std::string digest = registry_.AddManifest("library/x", "1", manifest_, kManifestType);
  const absl::StatusOr<RawManifest> manifest = Client().FetchManifest(Call());
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->body, manifest_);
  EXPECT_EQ(manifest->digest, digest);
  EXPECT_EQ(manifest->content_type, kManifestType);
  EXPECT_EQ(registry_.requests().size(), 1u);
  EXPECT_THAT(registry_.requests()[0].Header("accept"), HasSubstr(kManifestType));
  EXPECT_EQ(registry_.requests()[0].Header("authorization"), "");
  EXPECT_EQ(registry_.requests()[0].query, "") << "?ns= is for mirrors";
  EXPECT_EQ(*Client().ResolveDigest(Call()), digest);
  EXPECT_EQ(registry_.Count("HEAD "), 1);
}

TEST_F(RegistryClientTest, AnUnknownManifestIsNotFoundWithTheReference) {
  const absl::Status status = Client("library/x:nope").FetchManifest(Call()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Text(status), AllOf(HasSubstr(registry_.host() + "/library/x:nope"), HasSubstr("404 Not Found"),
                                  HasSubstr("MANIFEST_UNKNOWN: manifest unknown")));
  EXPECT_EQ(registry_.requests().size(), 1u) << "a 404 is final";
}

TEST_F(RegistryClientTest, AManifestThatIsNotWhatItsDigestSaysIsRefused) {
  const std::string wanted = DigestOf("something else");
  AlwaysAnswer({.headers = {{"Content-Type", kManifestType}}, .body = manifest_});
  const absl::Status status = Client("library/x@" + wanted).FetchManifest(Call()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Text(status), AllOf(HasSubstr("digest mismatch"), HasSubstr(wanted)));
  AlwaysAnswer({.headers = {{"Docker-Content-Digest", wanted}}, .body = manifest_});
  EXPECT_THAT(Text(Client().FetchManifest(Call()).status()), HasSubstr("digest mismatch"));
}

TEST_F(RegistryClientTest, AManifestOfAnIndexHasTheSizeThatTheIndexSays) {
  const std::string digest = registry_.AddManifest("library/x", "1", manifest_, kManifestType);
  EXPECT_TRUE(Client().FetchManifest({kManifestType, digest, manifest_.size()}, Call()).ok());
  EXPECT_THAT(Text(Client().FetchManifest({kManifestType, digest, 5}, Call()).status()), HasSubstr("5"));
}

TEST_F(RegistryClientTest, AHugeManifestIsCutOff) {
  AlwaysAnswer({.body = std::string((4 << 20) + 1, ' ')});
  const absl::Status status = Client().FetchManifest(Call()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Text(status), HasSubstr("larger than 4194304"));
}

TEST_F(RegistryClientTest, EndlessHeadersAreCutOff) {
  FakeReply reply{.body = manifest_};
  for (int i = 0; i < 100; ++i) reply.headers.emplace_back("X", std::string(10000, 'x'));
  AlwaysAnswer(reply);
  EXPECT_FALSE(Client().FetchManifest(Call()).ok());
}

TEST_F(RegistryClientTest, ABlobComesWhole) {
  registry_.AddBlob(blob_);
  const absl::StatusOr<std::string> got = Blob();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(*got == blob_);
  EXPECT_EQ(registry_.requests().size(), 1u);
}

TEST_F(RegistryClientTest, AResetDownloadGoesOnWhereItWas) {
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
}

TEST_F(RegistryClientTest, ADownloadThatBreaksOffManyTimesIsFinishedAsLongAsItProgresses) {
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

TEST_F(RegistryClientTest, ADownloadThatMakesNoProgressIsGivenUp) {
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

TEST_F(RegistryClientTest, ARegistryWithoutRangeSendsAgainWhatIsKnown) {
  Answer([&, count = 0](const FakeRequest&) mutable {
    return ++count == 1 ? FakeReply{.body = blob_, .reset_after = 1000} : FakeReply{.body = blob_};
  });
  const absl::StatusOr<std::string> got = Blob();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(*got == blob_);
}

TEST_F(RegistryClientTest, AnAnswerWithOtherBytesThanAskedForIsRefused) {
  Answer([&, count = 0](const FakeRequest&) mutable {
    if (++count == 1) return FakeReply{.body = blob_, .reset_after = 1000};
    return FakeReply{.status = 206, .headers = {{"Content-Range", "bytes 999-1/2"}}, .body = blob_.substr(999)};
  });
  EXPECT_THAT(Text(Blob().status()), HasSubstr("bytes from 1000"));
  AlwaysAnswer({.status = 206, .headers = {{"Content-Range", "bytes 0-1/2"}}, .body = blob_});
  EXPECT_THAT(Text(Blob().status()), HasSubstr("bytes from 0"));
}

TEST_F(RegistryClientTest, AShortBlobIsNotTakenForWhole) {
  AlwaysAnswer({.body = blob_.substr(5)});
  EXPECT_THAT(Text(Blob().status()), HasSubstr("the manifest says 3145731"));
  AlwaysAnswer({.body = "abc", .without_length = true});
  const absl::Status status = Blob().status();
  EXPECT_THAT(Text(status), HasSubstr("ended after"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(RegistryClientTest, ABlobThatIsTooLongIsCutOff) {
  AlwaysAnswer({.body = blob_ + "x"});
  EXPECT_THAT(Text(Blob().status()), HasSubstr("the registry has 3145732 bytes"));
  AlwaysAnswer({.body = blob_ + "x", .without_length = true});
  const absl::Status status = Blob().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(Text(status), HasSubstr("longer than"));
}

TEST_F(RegistryClientTest, AnErrorOfTheSinkEndsItAndComesBackAsItIs) {
  registry_.AddBlob(blob_);
  const absl::Status full = absl::ResourceExhaustedError("disk full");
  const absl::Status status = Client().Fetch(
      {.digest = DigestOf(blob_), .size = blob_.size(), .diff_id = ""}, [&](absl::string_view) { return full; },
      Call());
  EXPECT_EQ(status, full);
  EXPECT_EQ(registry_.requests().size(), 1u);
}

TEST_F(RegistryClientTest, ASilentRegistryIsLeftAfterTheStallTime) {
  AlwaysAnswer({.headers = {{"Content-Length", "3145731"}}, .body = "abc", .hang = true});
  const MonoTime start = MonoClock::now();
  const absl::Status status = Blob().status();
  EXPECT_LT(MonoClock::now() - start, seconds(5));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(status), HasSubstr("no byte for 300 ms"));
}

TEST_F(RegistryClientTest, ASlowSinkIsNotTheRegistrysSilence) {
  registry_.AddBlob(blob_);
  bool slept = false;
  const absl::Status status = Client().Fetch(
      {.digest = DigestOf(blob_), .size = blob_.size(), .diff_id = ""},
      [&](absl::string_view) {
        if (!slept) LetTimePass(milliseconds(500));  // longer than a registry may be silent
        slept = true;
        return absl::OkStatus();
      },
      Call());
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(RegistryClientTest, ACallThatIsOverEndsSoon) {
  AlwaysAnswer({.headers = {{"Content-Length", "3145731"}}, .body = "abc", .hang = true});
  RegistryTimes patient = Quick();
  patient.http.stall = seconds(60);
  auto client = *RegistryClient::Create(options_, *ParseReference(registry_.host() + "/library/x:1"), {}, patient);
  MonoTime start = MonoClock::now();
  EXPECT_EQ(Blob(*client, blob_.size(), Call::WithTimeout(milliseconds(50))).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(MonoClock::now() - start, seconds(2));
  start = MonoClock::now();
  const Call cancelled(kNoDeadline, [&] { return MonoClock::now() > start + milliseconds(50); });
  EXPECT_EQ(Blob(*client, blob_.size(), cancelled).status().code(), absl::StatusCode::kCancelled);
  EXPECT_LT(MonoClock::now() - start, seconds(2));
}

TEST_F(RegistryClientTest, PassingTroublesAreTriedAgain) {
  registry_.AddManifest("library/x", "1", manifest_, kManifestType);
  for (const int status : {429, 500, 502, 503}) {
    Answer([&, count = 0](const FakeRequest&) mutable -> std::optional<FakeReply> {
      if (++count > 2) return std::nullopt;
      return FakeReply{.status = status, .headers = {{"Retry-After", "3000"}}};
    });
    const MonoTime start = MonoClock::now();
    EXPECT_TRUE(Client().FetchManifest(Call()).ok()) << status;
    EXPECT_GE(MonoClock::now() - start, milliseconds(100)) << "Retry-After was not kept";
    EXPECT_LT(MonoClock::now() - start, seconds(5)) << "Retry-After has a limit";
  }
}

TEST_F(RegistryClientTest, LastingTroublesAreGivenUpAfterAFewTries) {
  AlwaysAnswer({.status = 503, .body = "busy"});
  const absl::Status status = Client().FetchManifest(Call()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(status), AllOf(StartsWith("RegistryUnavailable: "), HasSubstr("503 Service Unavailable"),
                                  HasSubstr("http://" + registry_.host() + "/v2")));
  EXPECT_EQ(registry_.requests().size(), 3u);
}

TEST_F(RegistryClientTest, ADeadlineDuringAPauseIsKept) {
  AlwaysAnswer({.status = 503, .headers = {{"Retry-After", "9"}}});
  RegistryTimes slow = Quick();
  slow.retry_after_limit = seconds(9);
  auto client = *RegistryClient::Create(options_, *ParseReference(registry_.host() + "/library/x:1"), {}, slow);
  const MonoTime start = MonoClock::now();
  EXPECT_EQ(client->FetchManifest(Call::WithTimeout(milliseconds(50))).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(MonoClock::now() - start, seconds(2));
}

class MirrorTest : public RegistryClientTest {
 protected:
  // A pull of a.test/library/x:1, whose mirrors are `endpoints`. The registry itself, at port 1, is down.
  std::unique_ptr<RegistryClient> Through(std::vector<std::string> endpoints, const RegistryAuth& auth = {}) {
    endpoints.push_back("http://127.0.0.1:1");
    options_.mirrors["127.0.0.1:1"] = std::move(endpoints);
    return *RegistryClient::Create(options_, *ParseReference("127.0.0.1:1/library/x:1"), auth, Quick());
  }
};

TEST_F(MirrorTest, TheNextEndpointIsAskedWhenOneFails) {
  other_.AddManifest("library/x", "1", manifest_, kManifestType);
  other_.AddBlob(blob_);
  for (const int status : {404, 401, 403, 429, 500}) {
    AlwaysAnswer({.status = status});
    auto client = Through({"http://127.0.0.1:2", registry_.Url(""), other_.Url("")});
    registry_.ForgetRequests();
    other_.ForgetRequests();
    EXPECT_TRUE(client->FetchManifest(Call()).ok()) << status;
    EXPECT_EQ(registry_.requests().size(), 1u) << "no pause while another endpoint can do it";
    EXPECT_EQ(other_.requests()[0].query, "ns=127.0.0.1%3A1");
    EXPECT_TRUE(Blob(*client, blob_.size()).ok());
    EXPECT_EQ(registry_.requests().size(), 1u) << "the endpoint that served the manifest is asked first for blobs";
  }
}

TEST_F(MirrorTest, WhenNoneIsHealthyAllAreNamed) {
  AlwaysAnswer({.status = 502});
  const absl::Status status = Through({registry_.Url("/some/path")})->FetchManifest(Call()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(status), AllOf(StartsWith("RegistryUnavailable: "), HasSubstr(registry_.Url("/some/path")),
                                  HasSubstr("502 Bad Gateway"), HasSubstr("http://127.0.0.1:1/v2"),
                                  HasSubstr("Connection refused"), HasSubstr("127.0.0.1:1/library/x:1")));
  EXPECT_EQ(registry_.requests()[0].path, "/some/path/library/x/manifests/1");
}

TEST_F(MirrorTest, NotFoundWhereTheHealthyOnesDoNotHaveIt) {
  const absl::Status status = Through({registry_.Url("")})->FetchManifest(Call()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Text(status), AllOf(HasSubstr(registry_.host()), HasSubstr("404"), HasSubstr("Connection refused")));
}

TEST_F(MirrorTest, AMirrorThatLiesIsPassedOver) {
  const std::string digest = other_.AddManifest("library/x", "1", manifest_, kManifestType);
  AlwaysAnswer({.body = "{}"});
  options_.mirrors["127.0.0.1:1"] = {registry_.Url(""), other_.Url("")};
  auto client = *RegistryClient::Create(options_, *ParseReference("127.0.0.1:1/library/x@" + digest), {}, Quick());
  const absl::StatusOr<RawManifest> manifest = client->FetchManifest(Call());
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->body, manifest_);
}

TEST_F(MirrorTest, ABrokenDownloadGoesOnAtAnotherEndpoint) {
  AlwaysAnswer({.body = blob_, .reset_after = 7777});
  other_.AddBlob(blob_);
  auto client = Through({registry_.Url(""), other_.Url("")});
  const absl::StatusOr<std::string> got = Blob(*client, blob_.size());
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(*got == blob_);
  EXPECT_EQ(other_.requests()[0].Header("range"), "bytes=7777-");
}

TEST_F(MirrorTest, CredentialsOfTheRegistryAreNotShownToAMirror) {
  AlwaysAnswer({.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}});
  const RegistryAuth auth{.username = "user", .password = "hunter22"};
  const absl::Status status = Through({registry_.Url("")}, auth)->FetchManifest(Call()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(registry_.requests().size(), 1u);
  EXPECT_EQ(registry_.requests()[0].Header("authorization"), "");
}

// A registry that wants a token, and the token server at /token.
class TokenTest : public RegistryClientTest {
 protected:
  TokenTest() {
    registry_.AddManifest("library/x", "1", manifest_, kManifestType);
    registry_.AddBlob(blob_);
    Answer([this](const FakeRequest& request) -> std::optional<FakeReply> {
      if (request.path == "/token") return token_reply_;
      if (request.Header("authorization") == "Bearer " + good_token_) return std::nullopt;
      return Challenge(request);
    });
  }

  FakeReply Challenge(const FakeRequest& request) const {
    return {
        .status = 401,
        .headers = {{"WWW-Authenticate", absl::StrCat("Bearer realm=\"", token_server_,
                                                      "/token\",service=\"reg\",scope=\"repository:library/x:pull\"")}},
        .body = absl::StrCat(R"({"errors":[{"code":"UNAUTHORIZED","message":"not with )",
                             request.Header("authorization"), "\"}]}")};
  }

  // A client that waits for an answer as long as its caller does.
  RegistryClient& PatientClient() {
    RegistryTimes times = Quick();
    times.http.stall = seconds(60);
    client_ = *RegistryClient::Create(options_, *ParseReference(registry_.host() + "/library/x:1"), {}, times);
    return *client_;
  }

  FakeRequest TokenRequest() {
    for (const FakeRequest& request : registry_.requests()) {
      if (request.path == "/token") return request;
    }
    ADD_FAILURE() << "no token was asked for";
    return {};
  }

  std::string token_server_ = registry_.Url("");
  std::string good_token_ = "t0ken-of-the-day";
  FakeReply token_reply_{.body = R"({"token":"t0ken-of-the-day"})"};
};

TEST_F(TokenTest, AnAnonymousTokenIsFetchedOnceForAllRequests) {
  RegistryClient& client = Client();
  ASSERT_TRUE(client.FetchManifest(Call()).ok());
  ASSERT_TRUE(Blob(client, blob_.size()).ok());
  EXPECT_EQ(registry_.Count("GET /token"), 1);
  EXPECT_EQ(registry_.requests().size(), 4u);
  EXPECT_EQ(TokenRequest().query, "service=reg&scope=repository%3Alibrary%2Fx%3Apull");
  EXPECT_EQ(TokenRequest().Header("authorization"), "");
}

TEST_F(TokenTest, APasswordIsShownToTheTokenServerOnly) {
  token_reply_.body = R"({"access_token":"t0ken-of-the-day","expires_in":300})";
  ASSERT_TRUE(Client("library/x:1", {.username = "user", .password = "pass:word"}).FetchManifest(Call()).ok());
  EXPECT_EQ(TokenRequest().Header("authorization"), "Basic " + absl::Base64Escape("user:pass:word"));
  for (const FakeRequest& request : registry_.requests()) {
    if (request.path != "/token") {
      EXPECT_THAT(request.Header("authorization"), Not(HasSubstr("Basic")));
    }
  }
}

TEST_F(TokenTest, AnIdentityTokenIsRefreshed) {
  ASSERT_TRUE(Client("library/x:1", {.identity_token = "id/token+1"}).FetchManifest(Call()).ok());
  EXPECT_EQ(TokenRequest().method, "POST");
  EXPECT_EQ(TokenRequest().body,
            "grant_type=refresh_token&client_id=crisp&service=reg&scope=repository%3Alibrary%2Fx%3Apull"
            "&refresh_token=id%2Ftoken%2B1");
}

TEST_F(TokenTest, ARegistryTokenIsSentAsItIs) {
  ASSERT_TRUE(Client("library/x:1", {.registry_token = good_token_}).FetchManifest(Call()).ok());
  EXPECT_EQ(registry_.requests().size(), 1u);
  const absl::Status status = Client("library/x:1", {.registry_token = "wrong-one"}).FetchManifest(Call()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(status), Not(HasSubstr("wrong-one"))) << "although the registry echoes it";
  EXPECT_THAT(Text(status), HasSubstr("UNAUTHORIZED"));
}

TEST_F(TokenTest, AnExpiredTokenIsReplaced) {
  RegistryClient& client = Client();
  ASSERT_TRUE(client.FetchManifest(Call()).ok());
  good_token_ = "t0ken-of-tomorrow";
  token_reply_.body = R"({"token":"t0ken-of-tomorrow"})";
  EXPECT_TRUE(Blob(client, blob_.size()).ok());
  EXPECT_EQ(registry_.Count("/token"), 2);
}

TEST_F(TokenTest, ATokenServerThatHangsForOneScopeDelaysNoOtherScope) {
  Answer([this](const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.path == "/token-manifests") return token_reply_;
    if (request.path == "/token-blobs") return FakeReply{.headers = {{"Content-Length", "100"}}, .hang = true};
    if (request.Header("authorization") == "Bearer " + good_token_) return std::nullopt;
    const std::string scope = absl::StrContains(request.path, "/blobs/") ? "blobs" : "manifests";
    return FakeReply{.status = 401,
                     .headers = {{"WWW-Authenticate", absl::StrCat("Bearer realm=\"", registry_.Url("/token-"), scope,
                                                                   "\",scope=\"", scope, "\"")}}};
  });
  RegistryClient& client = PatientClient();
  std::atomic<bool> cancelled = false;
  std::future<absl::Status> blob = std::async(std::launch::async, [&] {
    return Blob(client, blob_.size(), Call(kNoDeadline, [&] { return cancelled.load(); })).status();
  });
  registry_.Await("GET /token-blobs");
  EXPECT_EQ(client.FetchManifest(Call::WithTimeout(seconds(20))).status(), absl::OkStatus());
  cancelled = true;
  EXPECT_TRUE(absl::IsCancelled(blob.get()));
}

TEST_F(TokenTest, RequestsThatNeedTheSameTokenWaitForOneFetch) {
  constexpr int kRequests = 4;
  Answer([this](const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.path == "/token") {
      registry_.Await("/manifests/", kRequests);  // all have been refused, or will be
      return token_reply_;
    }
    if (request.Header("authorization") == "Bearer " + good_token_) return std::nullopt;
    return Challenge(request);
  });
  RegistryClient& client = PatientClient();
  std::vector<std::future<absl::Status>> requests;
  for (int i = 0; i < kRequests; ++i) {
    requests.push_back(std::async(std::launch::async, [&] { return client.FetchManifest(Call()).status(); }));
  }
  for (std::future<absl::Status>& request : requests) EXPECT_EQ(request.get(), absl::OkStatus());
  EXPECT_EQ(registry_.Count("GET /token"), 1);
}

TEST_F(TokenTest, ACallerThatLeavesDoesNotTakeTheTokenFromTheOthers) {
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  Answer([&](const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.path == "/token") {
      released.wait();
      return token_reply_;
    }
    if (request.Header("authorization") == "Bearer " + good_token_) return std::nullopt;
    return Challenge(request);
  });
  RegistryClient& client = PatientClient();
  std::atomic<bool> cancelled = false;
  std::future<absl::Status> first = std::async(std::launch::async, [&] {
    return client.FetchManifest(Call(kNoDeadline, [&] { return cancelled.load(); })).status();
  });
  registry_.Await("GET /token");
  std::future<absl::Status> second =
      std::async(std::launch::async, [&] { return client.FetchManifest(Call()).status(); });
  registry_.Await("/manifests/", 2);
  cancelled = true;
  EXPECT_TRUE(absl::IsCancelled(first.get()));
  release.set_value();
  EXPECT_EQ(second.get(), absl::OkStatus());
}

TEST_F(TokenTest, ATokenThatIsNotGoodEnoughEndsIt) {
  token_reply_.body = R"({"token":"useless-token"})";
  const absl::Status status =
      Client("library/x:1", {.username = "u", .password = "pa55word"}).FetchManifest(Call()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(status), AllOf(Not(HasSubstr("useless-token")), Not(HasSubstr("pa55word"))));
  EXPECT_EQ(registry_.requests().size(), 3u);
}

TEST_F(TokenTest, FailuresOfTheTokenServerAreNamed) {
  const auto failing = [&](FakeReply reply) {
    token_reply_ = std::move(reply);
    return Client("library/x:1", {.username = "u", .password = "pa55word"}).FetchManifest(Call()).status();
  };
  EXPECT_EQ(failing({.status = 401}).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(failing({.status = 403}).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(failing({.status = 503}).code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(failing({.status = 401})), HasSubstr("token server " + registry_.Url("/token") + " answered 401"));
  EXPECT_THAT(Text(failing({.body = "[]"})), HasSubstr("token server"));
  EXPECT_THAT(Text(failing({.body = R"({"token":"a\nb"})"})), HasSubstr("no header may have"));
  EXPECT_FALSE(failing({.body = std::string(2 << 20, ' ')}).ok());
  EXPECT_FALSE(failing({.status = 302, .headers = {{"Location", other_.Url("/token")}}}).ok());
  EXPECT_TRUE(other_.requests().empty()) << "the token server's redirect could lead the password astray";
}

TEST_F(TokenTest, BasicIsUsedWhereTheRegistryAsksForIt) {
  const std::string header = "Basic " + absl::Base64Escape("u:pa55word");
  Answer([header](const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.Header("authorization") == header) return std::nullopt;
    return FakeReply{.status = 401, .headers = {{"Www-Authenticate", "Basic realm=\"r\""}}};
  });
  EXPECT_TRUE(Client("library/x:1", {.auth = absl::Base64Escape("u:pa55word")}).FetchManifest(Call()).ok());
  EXPECT_EQ(Client("library/x:1", {.username = "u", .password = "wrong"}).FetchManifest(Call()).status().code(),
            absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Client().FetchManifest(Call()).status().code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(TokenTest, BlobsOnAnotherHostAreFetchedWithoutCredentials) {
  options_.headers = {{"X-Meta", "secret-header"}};
  const std::string location = other_.Url("/cdn/" + DigestOf(blob_) + "?signature=s3cret");
  Answer([&, inner = std::string(location)](const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.Header("authorization").empty()) {
      return FakeReply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
    }
    EXPECT_EQ(request.Header("x-meta"), "secret-header");
    return FakeReply{.status = 307, .headers = {{"Location", inner}}};
  });
  other_.AddBlob(blob_);
  RegistryClient& client = Client("library/x:1", {.username = "u", .password = "pa55word"});
  const absl::StatusOr<std::string> got = Blob(client, blob_.size());
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(*got == blob_);
  ASSERT_EQ(other_.requests().size(), 1u);
  EXPECT_EQ(other_.requests()[0].query, "signature=s3cret");
  EXPECT_EQ(other_.requests()[0].Header("authorization"), "");
  EXPECT_EQ(other_.requests()[0].Header("x-meta"), "");

  // Even if that host asks for them, and even in what is said of its failure.
  other_.SetHandler([](const FakeRequest&) {
    return FakeReply{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
  });
  const absl::Status status = Blob(client, blob_.size()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(status), Not(HasSubstr("s3cret")));
  for (const FakeRequest& request : other_.requests()) EXPECT_EQ(request.Header("authorization"), "");
}

TEST_F(RegistryClientTest, ARangeIsAskedForAlsoBehindARedirect) {
  Answer([&](const FakeRequest& request) -> std::optional<FakeReply> {
    return FakeReply{.status = 302, .headers = {{"Location", other_.Url("/cdn" + request.path)}}};
  });
  other_.AddBlob(blob_);
  other_.SetHandler([&, count = 0](const FakeRequest&) mutable -> std::optional<FakeReply> {
    if (++count > 1) return std::nullopt;
    return FakeReply{.body = blob_, .reset_after = 4321};
  });
  const absl::StatusOr<std::string> got = Blob();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(*got == blob_);
  EXPECT_EQ(other_.requests().back().Header("range"), "bytes=4321-");
}

TEST_F(RegistryClientTest, RelativeRedirectsAreFollowed) {
  registry_.AddBlob(blob_);
  Answer([&](const FakeRequest& request) -> std::optional<FakeReply> {
    if (absl::StartsWith(request.path, "/elsewhere/")) return std::nullopt;
    return FakeReply{.status = 308, .headers = {{"Location", "/elsewhere/" + DigestOf(blob_)}}};
  });
  EXPECT_TRUE(Blob().ok());
}

TEST_F(RegistryClientTest, ARedirectLoopEnds) {
  Answer([&](const FakeRequest&) { return FakeReply{.status = 307, .headers = {{"Location", other_.Url("/a")}}}; });
  other_.SetHandler([&](const FakeRequest&) {
    return FakeReply{.status = 307, .headers = {{"Location", registry_.Url("/b")}}};
  });
  EXPECT_THAT(Text(Blob().status()), HasSubstr("more than 10 redirects"));
  EXPECT_LE(registry_.requests().size() + other_.requests().size(), 11u);
}

TEST_F(RegistryClientTest, ARedirectToNoHttpUrlIsRefused) {
  for (const std::string location : {"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x", "http://"}) {
    Answer([&](const FakeRequest&) { return FakeReply{.status = 307, .headers = {{"Location", location}}}; });
    EXPECT_EQ(Blob().status().code(), absl::StatusCode::kInternal) << location;
  }
}

TEST_F(RegistryClientTest, TheConfigIsCheckedWhole) {
  const std::string config = R"({"os":"linux"})";
  const std::string digest = registry_.AddBlob(config);
  EXPECT_EQ(*Client().FetchBlob({"", digest, config.size()}, Call()), config);
  EXPECT_FALSE(Client().FetchBlob({"", digest, config.size() - 1}, Call()).ok());
  EXPECT_FALSE(Client().FetchBlob({"", digest, config.size() + 1}, Call()).ok());
  AlwaysAnswer({.body = R"({"os":"l1nux"})"});
  EXPECT_THAT(Text(Client().FetchBlob({"", digest, config.size()}, Call()).status()), HasSubstr("digest mismatch"));
}

TEST_F(RegistryClientTest, AnAnswerOnTheWayToTheConfigMayBeLargerThanIt) {
  const std::string config = R"({"os":"linux"})";
  const std::string digest = other_.AddBlob(config);
  const std::string page(2000, 'p');
  Answer([&, count = 0](const FakeRequest& request) mutable -> std::optional<FakeReply> {
    if (++count == 1) return FakeReply{.status = 502, .body = page};
    return FakeReply{.status = 307, .headers = {{"Location", other_.Url(request.path)}}, .body = page};
  });
  const auto fetched = Client().FetchBlob({"", digest, config.size()}, Call());
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(*fetched, config);
}

TEST_F(RegistryClientTest, WhatSpeaksNoHttpIsUnavailable) {
  AlwaysAnswer({.status = 200, .headers = {{"Content-Length", "99999999999999999999999"}}});
  EXPECT_FALSE(Client().FetchManifest(Call()).ok());
}

// Against a real docker-registry.
class RealRegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!RealRegistry::Installed()) GTEST_SKIP() << "needs docker-registry and skopeo";
    ImageDescription description;
    description.reference = "x:1";
    description.layers = {{.entries = {FileEntry("hello", std::string(100000, 'h'))}}};
    absl::StatusOr<std::vector<WrittenImage>> written = WriteImageLayout(layout_.path(), {description});
    ASSERT_TRUE(written.ok()) << written.status();
    written_ = written->front();
  }

  absl::StatusOr<RawManifest> Pull(const RealRegistry& registry, const std::string& name, const RegistryAuth& auth = {},
                                   const RegistryOptions& options = {}) {
    absl::StatusOr<std::unique_ptr<RegistryClient>> client =
        RegistryClient::Create(options, *ParseReference(registry.host() + name), auth, Quick());
    if (!client.ok()) return client.status();
    absl::StatusOr<RawManifest> manifest = (*client)->FetchManifest(Call());
    if (!manifest.ok()) return manifest;
    const Manifest parsed = std::get<Manifest>(*ParseManifest(manifest->body, manifest->content_type));
    const absl::StatusOr<std::string> config = (*client)->FetchBlob(parsed.config, Call());
    if (!config.ok()) return config.status();
    DigestHasher hasher;
    const absl::Status status = (*client)->Fetch(
        {.digest = parsed.layers[0].digest, .size = parsed.layers[0].size, .diff_id = ""},
        [&](absl::string_view bytes) {
          hasher.Update(bytes);
          return absl::OkStatus();
        },
        Call());
    if (!status.ok()) return status;
    EXPECT_EQ(hasher.Finish(), parsed.layers[0].digest);
    return manifest;
  }

  TestDir layout_;
  WrittenImage written_;
};

TEST_F(RealRegistryTest, GivesAnImageByTagAndByDigest) {
  RealRegistry registry;
  ASSERT_TRUE(registry.Push(layout_.path(), "x:1", "a/b:1").ok());
  const absl::StatusOr<RawManifest> by_tag = Pull(registry, "/a/b:1");
  ASSERT_TRUE(by_tag.ok()) << by_tag.status();
  EXPECT_EQ(by_tag->digest, written_.digest);
  EXPECT_TRUE(Pull(registry, "/a/b@" + written_.digest).ok());
  EXPECT_EQ(Pull(registry, "/a/b:2").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Pull(registry, "/no/such:1").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Pull(registry, "/a/b@" + DigestOf("x")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(RealRegistryTest, WantsAPassword) {
  TestDir secrets;
  // bcrypt of "correct horse".
  ASSERT_TRUE(WriteFileAt(AT_FDCWD, secrets.path() + "/htpasswd",
                          "rider:$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e\n", 0600)
                  .ok());
  RealRegistry registry(absl::StrCat("auth:\n  htpasswd:\n    realm: test\n    path: ", secrets.path(), "/htpasswd\n"));
  ASSERT_TRUE(registry.Push(layout_.path(), "x:1", "a/b:1", "rider:correct horse").ok());
  EXPECT_TRUE(Pull(registry, "/a/b:1", {.username = "rider", .password = "correct horse"}).ok());
  EXPECT_EQ(Pull(registry, "/a/b:1").status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Pull(registry, "/a/b:1", {.username = "rider", .password = "wrong"}).status().code(),
            absl::StatusCode::kUnauthenticated);
}

TEST_F(RealRegistryTest, SpeaksTls) {
  if (!Exists("/usr/bin/openssl")) GTEST_SKIP() << "needs openssl";
  TestDir keys;
  const std::string key = keys.path() + "/key.pem";
  const std::string certificate = keys.path() + "/cert.pem";
  Command openssl;
  openssl.path = "/usr/bin/openssl";
  openssl.args = {"req",
                  "-x509",
                  "-newkey",
                  "ec",
                  "-pkeyopt",
                  "ec_paramgen_curve:P-256",
                  "-nodes",
                  "-keyout",
                  key,
                  "-out",
                  certificate,
                  "-days",
                  "2",
                  "-subj",
                  "/CN=registry",
                  "-addext",
                  "subjectAltName=IP:127.0.0.1"};
  ASSERT_TRUE(RunCommand(openssl, Call::WithTimeout(seconds(20)))->ok());
  RealRegistry registry("", absl::StrCat("  tls:\n    certificate: ", certificate, "\n    key: ", key, "\n"));
  ASSERT_TRUE(registry.Push(layout_.path(), "x:1", "a/b:1").ok());

  // Loopback is asked by http first, and by https where that is what is spoken there.
  const absl::Status untrusted = Pull(registry, "/a/b:1").status();
  EXPECT_EQ(untrusted.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(untrusted), AllOf(HasSubstr("https://" + registry.host()), HasSubstr("certificate")));
  RegistryOptions trusting;
  trusting.tls[registry.host()].ca_file = certificate;
  absl::StatusOr<RawManifest> manifest = Pull(registry, "/a/b:1", {}, trusting);
  EXPECT_TRUE(manifest.ok()) << manifest.status();
  RegistryOptions careless;
  careless.tls[registry.host()].insecure_skip_verify = true;
  EXPECT_TRUE(Pull(registry, "/a/b:1", {}, careless).ok());
  RegistryOptions broken;
  broken.tls[registry.host()].ca_file = "/nonexistent/ca.pem";
  EXPECT_THAT(Text(Pull(registry, "/a/b:1", {}, broken).status()), HasSubstr("/nonexistent/ca.pem"));
}

}  // namespace
}  // namespace crisp
