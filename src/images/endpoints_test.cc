#include "images/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "images/registry_auth.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> UrlsFor(const RegistryOptions& options, const std::string& domain) {
  std::vector<std::string> urls;
  const absl::StatusOr<std::vector<Endpoint>> endpoints = EndpointsFor(options, domain);
  for (const Endpoint& endpoint : *endpoints) {
    urls.push_back(endpoint.url.String() + (endpoint.mirror ? " mirror" : "") + (endpoint.fallback ? " fallback" : ""));
  }
  return urls;
}

TEST(EndpointsTest, ARegistryWithoutMirrorsIsAskedItself) {
  EXPECT_THAT(UrlsFor({}, "docker.io"), ElementsAre("https://registry-1.docker.io/v2"));
  EXPECT_THAT(UrlsFor({}, "quay.io"), ElementsAre("https://quay.io/v2"));
  EXPECT_THAT(UrlsFor({}, "host:5000"), ElementsAre("https://host:5000/v2"));
}

TEST(EndpointsTest, ARegistryOnLoopbackIsAskedByHttpsThenHttp) {
  for (const std::string host : {"localhost", "localhost:5000", "127.0.0.1:81", "127.1.2.3", "[::1]:5000"}) {
    EXPECT_THAT(UrlsFor({}, host), ElementsAre("https://" + host + "/v2", "http://" + host + "/v2 fallback"));
    EXPECT_TRUE((*EndpointsFor({}, host))[0].tls->insecure_skip_verify);
  }
  EXPECT_THAT(UrlsFor({}, "localhost:80"), ElementsAre("http://localhost:80/v2"));
  EXPECT_THAT(UrlsFor({}, "localhost:443"), ElementsAre("https://localhost:443/v2"));
  for (const std::string host : {"localhost.example", "127.corp.example", "127.1", "127.0.0.1.example:80"}) {
    EXPECT_THAT(UrlsFor({}, host), ElementsAre("https://" + host + "/v2"));
  }
}

TEST(EndpointsTest, MirrorsComeInOrderAndTheRegistryLast) {
  RegistryOptions options;
  options.mirrors["docker.io"] = {"https://one.example", "http://two.example:5000/"};
  EXPECT_THAT(UrlsFor(options, "docker.io"),
              ElementsAre("https://one.example/v2 mirror", "http://two.example:5000/v2 mirror",
                          "https://registry-1.docker.io/v2"));
  EXPECT_THAT(UrlsFor(options, "quay.io"), ElementsAre("https://quay.io/v2"));
}

TEST(EndpointsTest, TheStarIsForThoseThatAreNotNamed) {
  RegistryOptions options;
  options.mirrors["*"] = {"http://all.example"};
  options.mirrors["quay.io"] = {};
  EXPECT_THAT(UrlsFor(options, "gcr.io"), ElementsAre("http://all.example/v2 mirror", "https://gcr.io/v2"));
  EXPECT_THAT(UrlsFor(options, "quay.io"), ElementsAre("https://quay.io/v2"));
}

TEST(EndpointsTest, APathIsUsedAsItIs) {
  RegistryOptions options;
  options.mirrors["k8s.gcr.io"] = {"https://m.example/google_containers", "https://m.example/v2/proxy/"};
  EXPECT_THAT(UrlsFor(options, "k8s.gcr.io"),
              ElementsAre("https://m.example/google_containers mirror", "https://m.example/v2/proxy mirror",
                          "https://k8s.gcr.io/v2"));
}

TEST(EndpointsTest, ARegistryAmongItsMirrorsIsNotAskedTwice) {
  RegistryOptions options;
  options.mirrors["host:5000"] = {"http://host:5000"};
  EXPECT_THAT(UrlsFor(options, "host:5000"), ElementsAre("http://host:5000/v2"));
  options.mirrors["docker.io"] = {"https://registry-1.docker.io", "https://m.example"};
  EXPECT_THAT(UrlsFor(options, "docker.io"),
              ElementsAre("https://registry-1.docker.io/v2", "https://m.example/v2 mirror"));
}

TEST(EndpointsTest, AnEndpointWithoutASchemeIsHttpsUnlessOnLoopback) {
  RegistryOptions options;
  options.mirrors["a.b"] = {"m.example:8080/v2/x", "localhost:5000"};
  EXPECT_THAT(UrlsFor(options, "a.b"),
              ElementsAre("https://m.example:8080/v2/x mirror", "http://localhost:5000/v2 mirror", "https://a.b/v2"));
}

TEST(EndpointsTest, WhatIsNoUrlIsNamed) {
  for (const std::string text : {"ftp://x", "http://", "http://a b", "http://a\r\nX: y"}) {
    RegistryOptions options;
    options.mirrors["a.b"] = {text};
    const absl::Status status = EndpointsFor(options, "a.b").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("mirror of a.b"));
  }
}

TEST(EndpointsTest, AMirrorWithAPasswordIsAnErrorThatDoesNotShowIt) {
  RegistryOptions options;
  options.mirrors["a.b"] = {"https://me:hunter2@m.example"};
  const std::string error(EndpointsFor(options, "a.b").status().message());
  EXPECT_THAT(error, HasSubstr("mirror of a.b: \"https://***@m.example\""));
  EXPECT_THAT(error, testing::Not(HasSubstr("hunter2")));
}

Credentials Seen(const RegistryOptions& options, const std::string& domain, const RegistryAuth& auth,
                 const std::string& endpoint) {
  return *CredentialsFor(options, domain, auth, ParseUrl(endpoint)->host, /*mirror=*/false);
}

TEST(CredentialsTest, AreForTheRegistryOfTheReferenceOnly) {
  const RegistryAuth auth{.username = "u", .password = "p"};
  EXPECT_EQ(Seen({}, "docker.io", auth, "https://registry-1.docker.io/v2").username, "u");
  EXPECT_EQ(Seen({}, "a.b", auth, "https://a.b/v2").username, "u");
  EXPECT_TRUE(Seen({}, "a.b", auth, "https://mirror.example/v2").empty());
  EXPECT_TRUE(Seen({}, "a.b", auth, "https://a.b:444/v2").empty());
}

TEST(CredentialsTest, AServerAddressSaysForWhom) {
  RegistryAuth auth{.username = "u", .password = "p", .server_address = "https://index.docker.io/v1/"};
  EXPECT_EQ(Seen({}, "docker.io", auth, "https://registry-1.docker.io/v2").username, "u");
  EXPECT_TRUE(Seen({}, "a.b", auth, "https://a.b/v2").empty());
  auth.server_address = "mirror.example:5000";
  EXPECT_EQ(Seen({}, "a.b", auth, "https://mirror.example:5000/v2").username, "u");
}

TEST(CredentialsTest, TheConfiguredOnesAreByEndpoint) {
  RegistryOptions options;
  options.auth["mirror.example"] = {.auth = "bWU6cGE6c3M="};
  options.auth["docker.io"] = {.username = "hub"};
  EXPECT_EQ(Seen(options, "a.b", {}, "https://mirror.example/v2").username, "me");
  EXPECT_EQ(Seen(options, "a.b", {}, "https://mirror.example/v2").password, "pa:ss");
  EXPECT_EQ(Seen(options, "docker.io", {}, "https://registry-1.docker.io/v2").username, "hub");
  EXPECT_EQ(Seen(options, "docker.io", {.username = "asked"}, "https://registry-1.docker.io/v2").username, "asked");
}

TEST(CredentialsTest, MirrorsSeeThoseOfTheRequestOnlyByChoice) {
  RegistryOptions options;
  options.auth["configured.example"] = {.username = "configured"};
  const RegistryAuth auth{.username = "u", .password = "p"};
  const auto seen = [&](const RegistryAuth& given, const char* host) {
    return CredentialsFor(options, "a.b", given, host, /*mirror=*/true)->username;
  };
  EXPECT_EQ(seen(auth, "mirror.example"), "");
  options.credentials_for_mirrors = true;
  EXPECT_EQ(seen(auth, "mirror.example"), "u");
  EXPECT_EQ(seen(auth, "configured.example"), "configured");
  EXPECT_EQ(seen({.username = "u", .server_address = "a.b"}, "mirror.example"), "");
}

TEST(CredentialsTest, ABadAuthFieldIsRefusedWithoutShowingIt) {
  for (const char* text : {"secret!", "c2VjcmV0"}) {
    const absl::Status status = CredentialsFor({}, "a.b", {.auth = text}, "a.b", /*mirror=*/false).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), testing::Not(HasSubstr("secret")));
    EXPECT_THAT(std::string(status.message()), testing::Not(HasSubstr(text)));
  }
}

TEST(ChallengeTest, IsReadInAllItsForms) {
  auto challenges = ParseChallenges(
      R"(Bearer realm="https://t.example/token?a=b,c",service="r" , scope="repository:x:pull, push \"q\"", Basic realm=x)");
  ASSERT_EQ(challenges.size(), 2u);
  EXPECT_EQ(challenges[0].scheme, "bearer");
  EXPECT_EQ(challenges[0].params["realm"], "https://t.example/token?a=b,c");
  EXPECT_EQ(challenges[0].params["service"], "r");
  EXPECT_EQ(challenges[0].params["scope"], "repository:x:pull, push \"q\"");
  EXPECT_EQ(challenges[1].scheme, "basic");
  EXPECT_EQ(challenges[1].params["realm"], "x");
}

TEST(ChallengeTest, ParametersMayStandWithoutQuotes) {
  auto challenges = ParseChallenges(
      "Bearer realm=https://t.example:5000/token?a=b,service=reg, scope=repository:a/b:pull,push , Basic realm=x");
  ASSERT_EQ(challenges.size(), 2u);
  EXPECT_EQ(challenges[0].params["realm"], "https://t.example:5000/token?a=b");
  EXPECT_EQ(challenges[0].params["service"], "reg");
  EXPECT_EQ(challenges[0].params["scope"], "repository:a/b:pull,push");
  EXPECT_EQ(challenges[1].scheme, "basic");
}

TEST(ChallengeTest, GarbageEnds) {
  for (const char* text : {"", ",,,", "Bearer realm=\"x", "=", "Bearer =\"", "\"\\", "\x01\x02", "a=b=c"}) {
    ParseChallenges(text);
  }
  EXPECT_THAT(ParseChallenges("x=y"), IsEmpty());
}

}  // namespace
}  // namespace crisp
