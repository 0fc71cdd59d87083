// The client against a real docker-registry.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "images/digest.h"
#include "images/image_counters.h"
#include "images/manifest.h"
#include "images/testing/registry_client_test.h"
#include "images/testing/test_registry.h"
#include "os/file.h"
#include "os/process.h"
#include "os/testing/test_dir.h"
#include "tests/oci/image_layout.h"

namespace crisp {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;

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
    ImageCounters counters;
    absl::StatusOr<std::unique_ptr<RegistryClient>> client =
        RegistryClient::Create(options, *ParseReference(registry.host() + name), auth, &counters, Quick());
    if (!client.ok()) return client.status();
    absl::StatusOr<RawManifest> manifest = (*client)->FetchManifest(CallContext());
    if (!manifest.ok()) return manifest;
    const Manifest parsed = std::get<Manifest>(*ParseManifest(manifest->body, manifest->content_type));
    const absl::StatusOr<std::string> config = (*client)->FetchBlob(parsed.config, CallContext());
    if (!config.ok()) return config.status();
    DigestHasher hasher;
    const absl::Status status = (*client)->Fetch(
        {.digest = parsed.layers[0].digest, .size = parsed.layers[0].size, .diff_id = ""},
        [&](absl::string_view bytes) {
          hasher.Update(bytes);
          return absl::OkStatus();
        },
        CallContext());
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
  ASSERT_TRUE(RunCommand(openssl, CallContext::WithTimeout(seconds(20)))->ok());
  RealRegistry registry("", absl::StrCat("  tls:\n    certificate: ", certificate, "\n    key: ", key, "\n"));
  ASSERT_TRUE(registry.Push(layout_.path(), "x:1", "a/b:1").ok());

  // On loopback any certificate will do, unless one is asked for.
  EXPECT_TRUE(Pull(registry, "/a/b:1").ok());
  RegistryOptions strict;
  strict.tls[registry.host()];
  const absl::Status untrusted = Pull(registry, "/a/b:1", {}, strict).status();
  EXPECT_EQ(untrusted.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Text(untrusted), AllOf(HasSubstr("https://" + registry.host()), HasSubstr("certificate")));
  RegistryOptions trusting;
  trusting.tls[registry.host()].ca_files = {certificate};
  absl::StatusOr<RawManifest> manifest = Pull(registry, "/a/b:1", {}, trusting);
  EXPECT_TRUE(manifest.ok()) << manifest.status();
  RegistryOptions careless;
  careless.tls[registry.host()].insecure_skip_verify = true;
  EXPECT_TRUE(Pull(registry, "/a/b:1", {}, careless).ok());
  RegistryOptions broken;
  broken.tls[registry.host()].ca_files = {"/nonexistent/ca.pem"};
  EXPECT_THAT(Text(Pull(registry, "/a/b:1", {}, broken).status()), HasSubstr("/nonexistent/ca.pem"));
}

}  // namespace
}  // namespace crisp
