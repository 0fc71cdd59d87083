#include "images/registry_auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "images/testing/registry_client_test.h"
#include "images/testing/test_registry.h"

namespace crisp {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A registry that wants a token, and the token server at /token.
class RegistryTokenTest : public RegistryClientTest {
 protected:
  RegistryTokenTest() {
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
    client_ =
        *RegistryClient::Create(options_, *ParseReference(registry_.host() + "/library/x:1"), {}, &counters_, times);
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

TEST_F(RegistryTokenTest, AnAnonymousTokenIsFetchedOnceForAllRequests) {
  RegistryClient& client = Client();
  ASSERT_TRUE(client.FetchManifest(CallContext()).ok());
  ASSERT_TRUE(Blob(client, blob_.size()).ok());
  EXPECT_EQ(registry_.Count("GET /token"), 1);
  EXPECT_EQ(registry_.requests().size(), 4u);
  EXPECT_EQ(TokenRequest().query, "service=reg&scope=repository%3Alibrary%2Fx%3Apull");
  EXPECT_EQ(TokenRequest().Header("authorization"), "");
}

TEST_F(RegistryTokenTest, APasswordIsShownToTheTokenServerOnly) {
  token_reply_.body = R"({"access_token":"t0ken-of-the-day","expires_in":300})";
  ASSERT_TRUE(Client("library/x:1", {.username = "user", .password = "pass:word"}).FetchManifest(CallContext()).ok());
  EXPECT_EQ(TokenRequest().Header("authorization"), "Basic " + absl::Base64Escape("user:pass:word"));
  for (const FakeRequest& request : registry_.requests()) {
    if (request.path != "/token") {
      EXPECT_THAT(request.Header("authorization"), Not(HasSubstr("Basic")));
    }
  }
}

TEST_F(RegistryTokenTest, AnIdentityTokenIsRefreshed) {
  ASSERT_TRUE(Client("library/x:1", {.identity_token = "id/token+1"}).FetchManifest(CallContext()).ok());
  EXPECT_EQ(TokenRequest().method, "POST");
  EXPECT_EQ(TokenRequest().body,
            "grant_type=refresh_token&client_id=crisp&service=reg&scope=repository%3Alibrary%2Fx%3Apull"
            "&refresh_token=id%2Ftoken%2B1");
}

TEST_F(RegistryTokenTest, ARegistryTokenIsSentAsItIs) {
  ASSERT_TRUE(Client("library/x:1", {.registry_token = good_token_}).FetchManifest(CallContext()).ok());
  EXPECT_EQ(registry_.requests().size(), 1u);
  const absl::Status status =
      Client("library/x:1", {.registry_token = "wrong-one"}).FetchManifest(CallContext()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(status), Not(HasSubstr("wrong-one"))) << "although the registry echoes it";
  EXPECT_THAT(Text(status), HasSubstr("UNAUTHORIZED"));
}

TEST_F(RegistryTokenTest, AnExpiredTokenIsReplaced) {
  RegistryClient& client = Client();
  ASSERT_TRUE(client.FetchManifest(CallContext()).ok());
  good_token_ = "t0ken-of-tomorrow";
  token_reply_.body = R"({"token":"t0ken-of-tomorrow"})";
  EXPECT_TRUE(Blob(client, blob_.size()).ok());
  EXPECT_EQ(registry_.Count("/token"), 2);
}

TEST_F(RegistryTokenTest, ATokenServerThatHangsForOneScopeDelaysNoOtherScope) {
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
    return Blob(client, blob_.size(), CallContext(kNoDeadline, [&] { return cancelled.load(); })).status();
  });
  registry_.Await("GET /token-blobs");
  EXPECT_EQ(client.FetchManifest(CallContext::WithTimeout(seconds(20))).status(), absl::OkStatus());
  cancelled = true;
  EXPECT_TRUE(absl::IsCancelled(blob.get()));
}

TEST_F(RegistryTokenTest, RequestsThatNeedTheSameTokenWaitForOneFetch) {
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
    requests.push_back(std::async(std::launch::async, [&] { return client.FetchManifest(CallContext()).status(); }));
  }
  for (std::future<absl::Status>& request : requests) EXPECT_EQ(request.get(), absl::OkStatus());
  EXPECT_EQ(registry_.Count("GET /token"), 1);
}

TEST_F(RegistryTokenTest, ACallerThatLeavesDoesNotTakeTheTokenFromTheOthers) {
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
    return client.FetchManifest(CallContext(kNoDeadline, [&] { return cancelled.load(); })).status();
  });
  registry_.Await("GET /token");
  std::future<absl::Status> second =
      std::async(std::launch::async, [&] { return client.FetchManifest(CallContext()).status(); });
  registry_.Await("/manifests/", 2);
  cancelled = true;
  EXPECT_TRUE(absl::IsCancelled(first.get()));
  release.set_value();
  EXPECT_EQ(second.get(), absl::OkStatus());
}

TEST_F(RegistryTokenTest, ATokenThatIsNotGoodEnoughEndsIt) {
  token_reply_.body = R"({"token":"useless-token"})";
  const absl::Status status =
      Client("library/x:1", {.username = "u", .password = "pa55word"}).FetchManifest(CallContext()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(Text(status), AllOf(Not(HasSubstr("useless-token")), Not(HasSubstr("pa55word"))));
  EXPECT_EQ(registry_.requests().size(), 3u);
}

TEST_F(RegistryTokenTest, FailuresOfTheTokenServerAreNamed) {
  const auto failing = [&](FakeReply reply) {
    token_reply_ = std::move(reply);
    return Client("library/x:1", {.username = "u", .password = "pa55word"}).FetchManifest(CallContext()).status();
  };
  EXPECT_EQ(failing({.status = 401}).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(failing({.status = 403}).code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(failing({.status = 503}).code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(failing({.status = 401})), HasSubstr("token server " + registry_.Url("/token") + " answered 401"));
  EXPECT_THAT(Text(failing({.body = "[]"})), HasSubstr("token server"));
  EXPECT_THAT(Text(failing({.body = R"({"token":"a\nb"})"})), HasSubstr("no header may have"));
  EXPECT_FALSE(failing({.body = std::string(2 << 20, ' ')}).ok());
}

TEST_F(RegistryTokenTest, ARedirectOfTheTokenServerLeadsNoSecretAstray) {
  token_reply_ = {.status = 302, .headers = {{"Location", other_.Url("/token")}}};
  EXPECT_FALSE(Client("library/x:1", {.username = "u", .password = "pa55word"}).FetchManifest(CallContext()).ok());
  ASSERT_EQ(other_.requests().size(), 1u);
  EXPECT_EQ(other_.requests()[0].Header("authorization"), "");
  token_reply_.status = 307;
  const absl::Status status =
      Client("library/x:1", {.identity_token = "id-token"}).FetchManifest(CallContext()).status();
  EXPECT_THAT(Text(status), HasSubstr("credentials are not sent to"));
  EXPECT_EQ(other_.requests().size(), 1u) << "the identity token is in the body";
}

TEST_F(RegistryTokenTest, ARedirectOnTheTokenServersHostKeepsTheCredentials) {
  Answer([this](const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.path == "/token") return FakeReply{.status = 307, .headers = {{"Location", "/moved"}}};
    if (request.path == "/moved") return token_reply_;
    if (request.Header("authorization") == "Bearer " + good_token_) return std::nullopt;
    return Challenge(request);
  });
  EXPECT_TRUE(Client("library/x:1", {.identity_token = "id-token"}).FetchManifest(CallContext()).ok());
  EXPECT_EQ(registry_.Count("POST /moved"), 1);
}

TEST_F(RegistryTokenTest, BasicIsUsedWhereTheRegistryAsksForIt) {
  const std::string header = "Basic " + absl::Base64Escape("u:pa55word");
  Answer([header](const FakeRequest& request) -> std::optional<FakeReply> {
    if (request.Header("authorization") == header) return std::nullopt;
    return FakeReply{.status = 401, .headers = {{"Www-Authenticate", "Basic realm=\"r\""}}};
  });
  EXPECT_TRUE(Client("library/x:1", {.auth = absl::Base64Escape("u:pa55word")}).FetchManifest(CallContext()).ok());
  EXPECT_EQ(Client("library/x:1", {.username = "u", .password = "wrong"}).FetchManifest(CallContext()).status().code(),
            absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(Client().FetchManifest(CallContext()).status().code(), absl::StatusCode::kUnauthenticated);
}

}  // namespace
}  // namespace crisp
