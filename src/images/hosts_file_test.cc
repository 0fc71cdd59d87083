#include "images/hosts_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "images/endpoints.h"
#include "images/image_counters.h"
#include "images/registry_client.h"
#include "images/testing/test_certificates.h"
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
  dial_timeout = "1.5s"
  [host."https://m.example".header]
    x-one = "1"
    x-two = ["2", "3"]
)");
  const std::vector<Endpoint> endpoints = *For("a.test");
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_FALSE(endpoints[0].resolves);
  EXPECT_TRUE(endpoints[0].serves_blobs);
  EXPECT_THAT(endpoints[0].tls->ca_files, ElementsAre("/abs/ca.pem"));
  EXPECT_THAT(endpoints[0].tls->clients, ElementsAre(ClientCertificate{dir_.path() + "/a.test/c.pem", "/abs/k.pem"}));
  EXPECT_TRUE(endpoints[0].tls->insecure_skip_verify);
  EXPECT_THAT(endpoints[0].headers, ElementsAre(Pair("x-one", "1"), Pair("x-two", "2"), Pair("x-two", "3")));
  EXPECT_THAT(endpoints[1].tls->ca_files, ElementsAre(dir_.path() + "/a.test/own-ca.pem"));
  EXPECT_EQ(endpoints[0].connect_timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(endpoints[1].connect_timeout, std::nullopt);
  EXPECT_TRUE(endpoints[1].resolves);
}

TEST_F(HostsFileTest, CertificatesAloneAreDockers) {
  for (const std::string name : {"b.crt", "a.crt", "one.cert", "one.key", "two.cert", "three.key"}) {
    Write("a.test", name, "");
  }
  const std::string dir = dir_.path() + "/a.test/";
  for (const bool empty_file : {false, true}) {
    if (empty_file) Write("a.test", "hosts.toml", "");
    const std::vector<Endpoint> endpoints = *For("a.test");
    ASSERT_EQ(endpoints.size(), 1u);
    EXPECT_THAT(endpoints[0].tls->ca_files, ElementsAre(dir + "a.crt", dir + "b.crt"));
    EXPECT_THAT(endpoints[0].tls->clients, ElementsAre(ClientCertificate{dir + "one.cert", dir + "one.key"},
                                                       ClientCertificate{dir + "two.cert", ""}));
  }
}

TEST_F(HostsFileTest, AnHttpUrlWithOptionsForTlsIsTwoEndpoints) {
  Write("a.test", "hosts.toml", R"(
server = "http://own.test:5000"
skip_verify = false
[host."http://one.test"]
  ca = []
[host."http://two.test:80"]
  client = "c.pem"
[host."http://three.test:5000"]
)");
  EXPECT_THAT(UrlsFor("a.test"),
              ElementsAre("https://one.test/v2", "http://one.test/v2", "http://two.test:80/v2",
                          "http://three.test:5000/v2", "https://own.test:5000/v2", "http://own.test:5000/v2"));
}

TEST_F(HostsFileTest, AHostWithoutASchemeIsHttpsAlsoOnLoopback) {
  Write("a.test", "hosts.toml", "server = \"own.test\"\n[host.\"localhost:5000\"]\n");
  EXPECT_THAT(UrlsFor("a.test"), ElementsAre("https://localhost:5000/v2", "https://own.test/v2"));
}

TEST_F(HostsFileTest, ARegistryOnLoopbackStaysLenientWithOptionsOfItsOwn) {
  Write("localhost:5000", "hosts.toml", "ca = \"ca.pem\"\n");
  const std::vector<Endpoint> endpoints = *For("localhost:5000");
  ASSERT_EQ(endpoints.size(), 2u);
  EXPECT_TRUE(endpoints[0].tls->insecure_skip_verify);
  EXPECT_EQ(endpoints[0].tls->ca_files.size(), 1u);
}

TEST_F(HostsFileTest, AMistakeIsNamedWithItsFileAndLine) {
  const std::string host = "\n[host.\"https://x\"]\n";  // what follows is line 3
  for (const auto& [text, error] : std::vector<std::pair<std::string, std::string>>{
           {"server = ", ":1: "},
           {"\nserver = 5", ":2: server: expected a string, found a number"},
           {"host.\"x.y\" = 1", ":1: host.\"x.y\": expected a table, found a number"},
           {"host = []", ":1: host: expected a table of hosts, found a list"},
           {"\n[host.\"ftp://x\"]", ":2: host.\"ftp://x\": \"ftp://x\" is not an http:// or https:// URL"},
           {host + "capabilities = \"pull\"", ":3: host.\"https://x\".capabilities: expected a list of strings"},
           {host + "capabilities = [\"pull\", 1]", ":3: host.\"https://x\".capabilities: expected a list of strings"},
           {host + "capabilities = [\"eat\"]", ":3: host.\"https://x\".capabilities: there are \"pull\""},
           {host + "ca = 5", ":3: host.\"https://x\".ca: expected a path or a list of paths, found a number"},
           {host + "ca = [\"a\",\n5]", ":4: host.\"https://x\".ca: expected a path or a list of paths"},
           {host + "client = true", "client: expected a path, a list of paths, or a list of pairs"},
           {host + "client = [[\"a\"]]", "client: expected pairs [certificate, key]"},
           {host + "client = [[\"a\", \"b\", \"c\"]]", "client: expected pairs [certificate, key]"},
           {host + "client = [[\"a\", 1]]", "client: expected a pair [certificate, key], found a number"},
           {host + "skip_verify = \"true\"",
            ":3: host.\"https://x\".skip_verify: expected true or false, found a string"},
           {host + "override_path = 1", ":3: host.\"https://x\".override_path: expected true or false, found a number"},
           {host + "dial_timeout = 5", ":3: host.\"https://x\".dial_timeout: expected a string, found a number"},
           {host + "dial_timeout = \"5\"", "dial_timeout: expected a duration such as"},
           {host + "dial_timeout = \"-5s\"", "dial_timeout: expected a duration such as"},
           {host + "header = \"x\"", "header: expected a table of strings"},
           {host + "header.x = \"a\\nb\"", "header.x: the value of a header has no control characters"},
           {host + "header.x = 1", "header.x: expected a string or a list of them, found a number"},
           {host + "header.\"a b\" = \"x\"", "header.a b: not the name of a header"}}) {
    Write("a.test", "hosts.toml", text);
    const absl::Status status = For("a.test").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << text;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(dir_.path() + "/a.test/hosts.toml:"), HasSubstr(error)));
  }
}

TEST_F(HostsFileTest, WhatCannotBeUsedIsFoundBeforeAnyPull) {
  const TestCertificate client = TestCa("ca").Issue("client");
  Write("good.test_5000_", "hosts.toml", "[host.\"https://x\"]\nclient = [[\"c\", \"k\"]]\n");
  Write("good.test_5000_", "c", client.certificate);
  Write("good.test_5000_", "k", client.key);
  Write("a.test", "hosts.toml", "[host.\"https://x\"]\nca = \"absent.pem\"\n");
  Write("b.test", "hosts.toml", "[host.\"https://x\"]\nskip_verify = 1\n");
  Write("_default", "hosts.toml", "[host.\"https://x\"]\ncapabilitys = []\n");
  Write("docker.test", "ca.crt", "nothing");
  std::vector<std::string> warnings;
  const std::vector<std::string> faults = FaultsOfHostsFiles("/nonexistent:" + dir_.path(), &warnings);
  EXPECT_THAT(faults, testing::UnorderedElementsAre(
                          AllOf(HasSubstr("/a.test: https://x/v2: CA: open"), HasSubstr("absent.pem")),
                          HasSubstr("/b.test/hosts.toml:2: host.\"https://x\".skip_verify"),
                          AllOf(HasSubstr("/docker.test: https://docker.test/v2: "), HasSubstr("no CA certificate"))));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("/_default/hosts.toml:2: host.\"https://x\".capabilitys is not a key")));
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
  ImageCounters counters;
  auto client = *RegistryClient::Create(options, *ParseReference("a.test/x:1"), {}, &counters);
  const absl::StatusOr<RawManifest> top = client->FetchManifest(CallContext());
  ASSERT_TRUE(top.ok()) << top.status();
  EXPECT_EQ(resolver.Count("HEAD /v2/x/manifests/1"), 1);
  EXPECT_EQ(resolver.requests()[0].Header("x-tenant"), "blue");
  EXPECT_EQ(store.Count("GET /v2/x/manifests/" + top->digest), 1);
  ASSERT_TRUE(client->FetchManifest({"", top->digest, body.size()}, CallContext()).ok());
  EXPECT_EQ(store.requests().size(), 2u);
  EXPECT_EQ(resolver.requests().size(), 1u);
}

}  // namespace
}  // namespace crisp
