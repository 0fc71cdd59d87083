#include "images/hosts_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "images/endpoints.h"
#include "images/registry_client.h"
#include "images/testing/test_registry.h"
#include "os/file.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class HostsFileTest : public testing::Test {
 protected:
  void Write(const std::string& directory, const std::string& name, const std::string& text) {
    ASSERT_TRUE(MakeDirs(dir_.path() + "/" + directory, 0755).ok());
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_.path() + "/" + directory + "/" + name, text, 0644).ok());
  }
  absl::StatusOr<std::vector<Endpoint>> For(const std::string& domain) {
    RegistryOptions options;
    options.config_path = absl::StrCat("/nonexistent:", dir_.path());
    return EndpointsFor(options, domain);
  }
  std::vector<std::string> UrlsFor(const std::string& domain) {
    std::vector<std::string> urls;
    const absl::StatusOr<std::vector<Endpoint>> endpoints = For(domain);
    EXPECT_TRUE(endpoints.ok()) << endpoints.status();
    for (const Endpoint& endpoint : endpoints.value_or(std::vector<Endpoint>())) urls.push_back(endpoint.url.String());
    return urls;
  }

  TestDir dir_;
};

TEST_F(HostsFileTest, HostsComeAsTheyStandAndTheServerLast) {
  Write("docker.io", "hosts.toml", R"(
server = "https://registry-1.docker.io"
[host."https://z.example"]
[host."http://a.example:5000/base"]
[host."https://m.example/v2/proxy"]
  override_path = true
)");
  EXPECT_THAT(UrlsFor("docker.io"), ElementsAre("https://z.example/v2", "http://a.example:5000/base/v2",
                                                "https://m.example/v2/proxy", "https://registry-1.docker.io/v2"));
  const std::vector<Endpoint> endpoints = *For("docker.io");
  EXPECT_TRUE(endpoints[0].mirror);
  EXPECT_FALSE(endpoints[3].mirror);
}

TEST_F(HostsFileTest, TheDirectoryIsTheHostsOrTheDefault) {
  Write("_default", "hosts.toml", "[host.\"https://default.example\"]\n");
  Write("h.example_5000_", "hosts.toml", "[host.\"https://underscored.example\"]\n");
  EXPECT_THAT(UrlsFor("h.example:5000"), ElementsAre("https://underscored.example/v2", "https://h.example:5000/v2"));
  EXPECT_THAT(UrlsFor("quay.io"), ElementsAre("https://default.example/v2", "https://quay.io/v2"));
  ASSERT_TRUE(RemoveTree(dir_.path() + "/_default").ok());
  EXPECT_THAT(UrlsFor("quay.io"), ElementsAre("https://quay.io/v2"));
}

TEST_F(HostsFileTest, WhatAHostMayAndNeedsIsRead) {
  Write("a.test", "hosts.toml", R"(
ca = "own-ca.pem"
[host."https://m.example"]
  capabilities = ["pull"]
  ca = ["/abs/ca.pem"]
  client = [["c.pem", "/abs/k.pem"]]
  skip_verify = true
  [host."https://m.example".header]
    x-one = "1"
    x-two = ["2", "3"]
)");
  const std::vector<Endpoint> endpoints = *For("a.test");
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_FALSE(endpoints[0].resolves);
  EXPECT_TRUE(endpoints[0].serves_blobs);
  EXPECT_EQ(endpoints[0].tls->ca_file, "/abs/ca.pem");
  EXPECT_EQ(endpoints[0].tls->cert_file, dir_.path() + "/a.test/c.pem");
  EXPECT_EQ(endpoints[0].tls->key_file, "/abs/k.pem");
  EXPECT_TRUE(endpoints[0].tls->insecure_skip_verify);
  EXPECT_THAT(endpoints[0].headers, ElementsAre(Pair("x-one", "1"), Pair("x-two", "2"), Pair("x-two", "3")));
  EXPECT_EQ(endpoints[1].tls->ca_file, dir_.path() + "/a.test/own-ca.pem");
  EXPECT_TRUE(endpoints[1].resolves);
}

TEST_F(HostsFileTest, CertificatesAloneAreDockers) {
  for (const std::string name : {"ca.crt", "client.cert", "client.key"}) Write("a.test", name, "");
  const std::vector<Endpoint> endpoints = *For("a.test");
  ASSERT_EQ(endpoints.size(), 1u);
  EXPECT_EQ(endpoints[0].tls->ca_file, dir_.path() + "/a.test/ca.crt");
  EXPECT_EQ(endpoints[0].tls->cert_file, dir_.path() + "/a.test/client.cert");
  EXPECT_EQ(endpoints[0].tls->key_file, dir_.path() + "/a.test/client.key");
}

TEST_F(HostsFileTest, OfTwoCertificatesNoneIsLeftOutInSilence) {
  for (const std::string name : {"one.crt", "two.crt"}) Write("a.test", name, "");
  const absl::Status status = For("a.test").status();
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("one.crt"), HasSubstr("two.crt"), HasSubstr("one file")));
}

TEST_F(HostsFileTest, AMistakeIsNamedWithItsFile) {
  for (const std::string text : {"server = ", "[host.\"ftp://x\"]", "[host.\"https://x\"]\ncapabilities = \"pull\"",
                                 "[host.\"https://x\"]\ncapabilities = [\"eat\"]", "[host.\"https://x\"]\nca = 5",
                                 "[host.\"https://x\"]\nca = [\"a\", \"b\"]",
                                 "[host.\"https://x\".header]\nx = \"a\\nb\"", "host.\"x.y\" = 1"}) {
    Write("a.test", "hosts.toml", text);
    const absl::Status status = For("a.test").status();
    EXPECT_FALSE(status.ok()) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(dir_.path() + "/a.test/hosts.toml"));
  }
}

TEST_F(HostsFileTest, AUserOrPasswordInAUrlIsAnErrorThatNamesTheKeyAndNotThePassword) {
  for (const auto& [text, key] : std::vector<std::pair<std::string, std::string>>{
           {"[host.\"https://me:hunter2@m.example\"]", "host.\"https://***@m.example\""},
           {"[host.\"https://hunter2@m.example\"]", "host.\"https://***@m.example\""},
           {"[host.\"https://me:hunter2@m.example\"]\nca = 5", "host.\"https://***@m.example\""},
           {"[host.\"me:hunter2@m.example\"]", "host.\"***@m.example\""},
           {"server = \"https://me:hunter2@m.example\"", "server: "}}) {
    Write("a.test", "hosts.toml", text);
    const absl::Status status = For("a.test").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(dir_.path() + "/a.test/hosts.toml"), HasSubstr(key),
                                                     HasSubstr("registry.configs.\"m.example\".auth")));
    EXPECT_THAT(std::string(status.message()), testing::Not(HasSubstr("hunter2")));
  }
}

TEST_F(HostsFileTest, APullGoesByIt) {
  FakeRegistry resolver;
  FakeRegistry store;
  const std::string body = R"({"schemaVersion":2})";
  for (FakeRegistry* registry : {&resolver, &store}) {
    registry->AddManifest("x", "1", body, "application/vnd.oci.image.manifest.v1+json");
  }
  Write("a.test", "hosts.toml",
        absl::StrCat("[host.\"", store.Url(""), "\"]\ncapabilities = [\"pull\"]\n[host.\"", resolver.Url(""),
                     "\"]\ncapabilities = [\"resolve\"]\nheader.x-tenant = \"blue\"\n"));
  RegistryOptions options;
  options.config_path = dir_.path();
  auto client = *RegistryClient::Create(options, *ParseReference("a.test/x:1"), {});
  const absl::StatusOr<RawManifest> top = client->FetchManifest(CallContext());
  ASSERT_TRUE(top.ok()) << top.status();
  EXPECT_TRUE(store.requests().empty());
  EXPECT_EQ(resolver.requests()[0].Header("x-tenant"), "blue");
  ASSERT_TRUE(client->FetchManifest({"", top->digest, body.size()}, CallContext()).ok());
  EXPECT_EQ(store.requests().size(), 1u);
  EXPECT_EQ(resolver.requests().size(), 1u);
}

}  // namespace
}  // namespace crisp
