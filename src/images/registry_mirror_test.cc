#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "images/testing/registry_client_test.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class RegistryMirrorTest : public RegistryClientTest {
 protected:
  // A pull of a.test/library/x:1, whose mirrors are `endpoints`. The registry itself, at port 1, is down.
  std::unique_ptr<RegistryClient> Through(std::vector<std::string> endpoints, const RegistryAuth& auth = {}) {
    endpoints.push_back("http://127.0.0.1:1");
    options_.mirrors["127.0.0.1:1"] = std::move(endpoints);
    return *RegistryClient::Create(options_, *ParseReference("127.0.0.1:1/library/x:1"), auth, &counters_, Quick());
  }
};

TEST_F(RegistryMirrorTest, TheNextEndpointIsAskedWhenOneFails) {
  other_.AddManifest("library/x", "1", manifest_, kManifestType);
  other_.AddBlob(blob_);
  for (const int status : {404, 401, 403, 429, 500}) {
    AlwaysAnswer({.status = status});
    auto client = Through({"http://127.0.0.1:2", registry_.Url(""), other_.Url("")});
    registry_.ForgetRequests();
    other_.ForgetRequests();
    EXPECT_TRUE(client->FetchManifest(CallContext()).ok()) << status;
    EXPECT_EQ(registry_.requests().size(), 1u) << "no pause while another endpoint can do it";
    EXPECT_EQ(other_.requests()[0].query, "ns=127.0.0.1%3A1");
    EXPECT_TRUE(Blob(*client, blob_.size()).ok());
    EXPECT_EQ(registry_.requests().size(), 2u) << "the order of the endpoints is the same for each request";
  }
}

TEST_F(RegistryMirrorTest, WhenNoneIsHealthyAllAreNamed) {
  AlwaysAnswer({.status = 502});
  const absl::Status status = Through({registry_.Url("/some/path")})->FetchManifest(CallContext()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(status), AllOf(StartsWith("RegistryUnavailable: "), HasSubstr(registry_.Url("/some/path")),
                                  HasSubstr("502 Bad Gateway"), HasSubstr("http://127.0.0.1:1/v2"),
                                  HasSubstr("Connection refused"), HasSubstr("127.0.0.1:1/library/x:1")));
  EXPECT_EQ(registry_.requests()[0].path, "/some/path/library/x/manifests/1");
}

TEST_F(RegistryMirrorTest, NotFoundWhereTheHealthyOnesDoNotHaveIt) {
  const absl::Status status = Through({registry_.Url("")})->FetchManifest(CallContext()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Text(status), AllOf(HasSubstr(registry_.host()), HasSubstr("404"), HasSubstr("Connection refused")));
}

TEST_F(RegistryMirrorTest, AMirrorThatLiesIsPassedOver) {
  const std::string digest = other_.AddManifest("library/x", "1", manifest_, kManifestType);
  AlwaysAnswer({.body = "{}"});
  options_.mirrors["127.0.0.1:1"] = {registry_.Url(""), other_.Url("")};
  auto client =
      *RegistryClient::Create(options_, *ParseReference("127.0.0.1:1/library/x@" + digest), {}, &counters_, Quick());
  const absl::StatusOr<RawManifest> manifest = client->FetchManifest(CallContext());
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->body, manifest_);
}

TEST_F(RegistryMirrorTest, ABrokenDownloadGoesOnAtAnotherEndpoint) {
  AlwaysAnswer({.body = blob_, .reset_after = 7777});
  other_.AddBlob(blob_);
  auto client = Through({registry_.Url(""), other_.Url("")});
  const absl::StatusOr<std::string> got = Blob(*client, blob_.size());
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(*got == blob_);
  EXPECT_EQ(other_.requests()[0].Header("range"), "bytes=7777-");
}

TEST_F(RegistryMirrorTest, CredentialsOfTheRegistryAreNotShownToAMirror) {
  AlwaysAnswer({.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}});
  const RegistryAuth auth{.username = "user", .password = "hunter22"};
  const absl::Status status = Through({registry_.Url("")}, auth)->FetchManifest(CallContext()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(registry_.requests().size(), 1u);
  EXPECT_EQ(registry_.requests()[0].Header("authorization"), "");
}

}  // namespace
}  // namespace crisp
