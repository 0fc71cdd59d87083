#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "images/digest.h"
#include "images/testing/registry_client_test.h"
#include "images/testing/test_registry.h"

namespace crisp {
namespace {

using testing::HasSubstr;
using testing::Not;

class RegistryRedirectTest : public RegistryClientTest {};

TEST_F(RegistryRedirectTest, BlobsOnAnotherHostAreFetchedWithoutCredentials) {
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

TEST_F(RegistryRedirectTest, ARangeIsAskedForAlsoBehindARedirect) {
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

TEST_F(RegistryRedirectTest, RelativeRedirectsAreFollowed) {
  registry_.AddBlob(blob_);
  Answer([&](const FakeRequest& request) -> std::optional<FakeReply> {
    if (absl::StartsWith(request.path, "/elsewhere/")) return std::nullopt;
    return FakeReply{.status = 308, .headers = {{"Location", "/elsewhere/" + DigestOf(blob_)}}};
  });
  EXPECT_TRUE(Blob().ok());
}

TEST_F(RegistryRedirectTest, ARedirectLoopEnds) {
  Answer([&](const FakeRequest&) { return FakeReply{.status = 307, .headers = {{"Location", other_.Url("/a")}}}; });
  other_.SetHandler([&](const FakeRequest&) {
    return FakeReply{.status = 307, .headers = {{"Location", registry_.Url("/b")}}};
  });
  EXPECT_THAT(Text(Blob().status()), HasSubstr("more than 10 redirects"));
  EXPECT_LE(registry_.requests().size() + other_.requests().size(), 11u);
}

TEST_F(RegistryRedirectTest, ARedirectToNoHttpUrlIsRefused) {
  for (const std::string location : {"file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://x", "http://"}) {
    Answer([&](const FakeRequest&) { return FakeReply{.status = 307, .headers = {{"Location", location}}}; });
    EXPECT_EQ(Blob().status().code(), absl::StatusCode::kInternal) << location;
  }
}

TEST_F(RegistryRedirectTest, AnAnswerOnTheWayToTheConfigMayBeLargerThanIt) {
  const std::string config = R"({"os":"linux"})";
  const std::string digest = other_.AddBlob(config);
  const std::string page(2000, 'p');
  Answer([&, count = 0](const FakeRequest& request) mutable -> std::optional<FakeReply> {
    if (++count == 1) return FakeReply{.status = 502, .body = page};
    return FakeReply{.status = 307, .headers = {{"Location", other_.Url(request.path)}}, .body = page};
  });
  const auto fetched = Client().FetchBlob({"", digest, config.size()}, CallContext());
  ASSERT_TRUE(fetched.ok()) << fetched.status();
  EXPECT_EQ(*fetched, config);
}

}  // namespace
}  // namespace crisp
