// The checks that ask registries: their endpoints, certificates and clocks; the pause image.
#include "doctor/registry_check.h"

#include <gmock/gmock.h>

#include <ctime>

#include "doctor/certificate_check.h"
#include "doctor/endpoint_probe.h"
#include "doctor/image_check.h"
#include "doctor/testing/fake_host.h"
#include "images/testing/test_registry.h"
#include "store/database.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// Nobody listens on port 1.
constexpr char kDead[] = "http://127.0.0.1:1";

class RegistryCheckTest : public testing::Test {
 protected:
  RegistryCheckTest() {
    host_.subject.config.sandbox_image = "127.0.0.1:1/pause:1";
    plain_.SetHandler(&Answer);
  }

  static std::optional<FakeReply> Answer(const FakeRequest& request) {
    if (request.path == "/v2/") return FakeReply{.body = "{}"};
    return std::nullopt;
  }

  void Mirror(const std::string& registry, std::vector<std::string> endpoints) {
    host_.subject.config.registry.mirrors[registry] = std::move(endpoints);
  }
  // The lines about `registry`.
  std::vector<std::string> LinesOf(const std::string& registry, const std::string& name = "registry.endpoint",
                                   std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    std::vector<std::string> lines;
    for (const std::string& line : Lines(host_.Look(&CheckRegistries, "registry", limit), name)) {
      if (line.find(" for " + registry) != std::string::npos) lines.push_back(line);
    }
    return lines;
  }

  FakeHost host_;
  FakeRegistry plain_;
};

TEST_F(RegistryCheckTest, AMirrorThatServesIsFine) {
  Mirror("r.invalid", {plain_.Url("")});
  EXPECT_THAT(LinesOf("r.invalid"), Contains(AllOf(StartsWith("ok: " + plain_.Url("/v2")), HasSubstr("200"))));
}

TEST_F(RegistryCheckTest, TheRegistryItselfMayBeOutOfReachWhereAMirrorServes) {
  Mirror("r.invalid", {plain_.Url("")});
  EXPECT_THAT(LinesOf("r.invalid"),
              Contains(AllOf(StartsWith("note: https://r.invalid/v2"), HasSubstr("its mirrors serve"))));
}

TEST_F(RegistryCheckTest, ADeadMirrorIsAWarningWhileAnotherServes) {
  Mirror("r.invalid", {kDead, plain_.Url("/v2/proxy")});
  EXPECT_THAT(LinesOf("r.invalid"),
              AllOf(Contains(AllOf(StartsWith("warning: http://127.0.0.1:1/v2"), HasSubstr("refused"))),
                    Contains(StartsWith("ok: " + plain_.Url("/v2/proxy")))));
}

TEST_F(RegistryCheckTest, ARegistryOfWhichNothingServesIsAProblem) {
  Mirror("r.invalid", {kDead});
  const std::vector<std::string> lines = LinesOf("r.invalid");
  ASSERT_EQ(lines.size(), 2u);
  for (const std::string& line : lines) EXPECT_THAT(line, StartsWith("problem: "));
}

TEST_F(RegistryCheckTest, AChallengeIsAnAnswer) {
  plain_.SetHandler([](const FakeRequest&) {
    return FakeReply{.status = 401, .headers = {{"WWW-Authenticate", "Bearer realm=\"https://auth.example/token\""}}};
  });
  Mirror("r.invalid", {plain_.Url("")});
  EXPECT_THAT(LinesOf("r.invalid"), Contains(AllOf(StartsWith("ok: "), HasSubstr("401, asks for bearer"))));
}

TEST_F(RegistryCheckTest, WhatIsNoRegistryDoesNotServe) {
  plain_.SetHandler([](const FakeRequest&) { return FakeReply{.status = 404}; });
  Mirror("r.invalid", {plain_.Url("")});
  EXPECT_THAT(LinesOf("r.invalid"), Contains(AllOf(StartsWith("problem: http://127.0.0.1"), HasSubstr("404"))));
}

TEST_F(RegistryCheckTest, TheFallbackByHttpIsAskedForARegistryOnLoopback) {
  host_.subject.config.sandbox_image = plain_.host() + "/pause:1";
  EXPECT_THAT(LinesOf(plain_.host()), ElementsAre(StartsWith("ok: " + plain_.Url("/v2"))));
}

TEST_F(RegistryCheckTest, AMirrorOfEveryRegistryIsAskedWithoutARegistry) {
  Mirror("*", {plain_.Url("")});
  EXPECT_THAT(LinesOf("every other registry"), ElementsAre(StartsWith("ok: ")));
}

TEST_F(RegistryCheckTest, AMirrorThatHangsIsLeft) {
  plain_.SetHandler([](const FakeRequest&) { return FakeReply{.hang = true, .drop = true}; });
  Mirror("r.invalid", {plain_.Url("")});
  const MonoTime begun = MonoClock::now();
  EXPECT_THAT(LinesOf("r.invalid", "registry.endpoint", std::chrono::milliseconds(500)),
              Contains(StartsWith("problem: http://127.0.0.1")));
  EXPECT_LT(MonoClock::now() - begun, std::chrono::seconds(30));
}

TEST_F(RegistryCheckTest, AnUnknownIssuerIsNamed) {
  const TestCa ca("test authority");
  FakeRegistry secure(FakeTls{.own = ca.Issue("r.example")});
  secure.SetHandler(&Answer);
  Mirror("r.invalid", {secure.Url("")});
  EXPECT_THAT(LinesOf("r.invalid"),
              Contains(AllOf(StartsWith("problem: https://127.0.0.1"), HasSubstr("certificate"))));
}

TEST_F(RegistryCheckTest, ACertificateThatEndsSoonIsAWarning) {
  const TestCa ca("test authority");  // its certificates are good for a day
  FakeRegistry secure(FakeTls{.own = ca.Issue("r.example")});
  secure.SetHandler(&Answer);
  host_.Write("/ca.pem", ca.pem());
  host_.subject.config.registry.tls[secure.host()].ca_file = host_.subject.tree.At("/ca.pem");
  Mirror("r.invalid", {secure.Url("")});
  EXPECT_THAT(LinesOf("r.invalid"), Contains(StartsWith("ok: https://127.0.0.1")));
  EXPECT_THAT(LinesOf("r.invalid", "registry.certificate"),
              ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("r.example"), HasSubstr("test authority"),
                                HasSubstr("ends in 2"))));
  EXPECT_THAT(Lines(host_.Look(&CheckCertificates, "certificate"), "certificate.file"),
              ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("CN=test authority"))));
}

TEST_F(RegistryCheckTest, AnotherClockIsAWarning) {
  const auto reply = [](const char* date) {
    return [date](const FakeRequest&) { return FakeReply{.headers = {{"Date", date}}, .body = "{}"}; };
  };
  Mirror("r.invalid", {plain_.Url("")});
  plain_.SetHandler(reply("Sun, 29 Nov 2020 15:59:06 GMT"));
  EXPECT_THAT(LinesOf("r.invalid", "registry.date"),
              ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("ahead of"))));
  plain_.SetHandler(reply("nonsense"));
  EXPECT_THAT(LinesOf("r.invalid", "registry.date"), IsEmpty());
}

TEST_F(RegistryCheckTest, HostsFilesAreFollowedAndTheirFaultsNamed) {
  const std::string directory = host_.subject.tree.At("/certs.d");
  host_.subject.config.registry.config_path = directory;
  host_.Write("/certs.d/r.invalid/hosts.toml", "[host.\"" + plain_.Url("") + "\"]\n");
  host_.Write("/certs.d/broken.invalid/hosts.toml", "[host\n");
  EXPECT_THAT(LinesOf("r.invalid"), Contains(StartsWith("ok: " + plain_.Url("/v2"))));
  EXPECT_THAT(Lines(host_.Look(&CheckRegistries, "registry"), "registry.hosts_file"),
              ElementsAre(AllOf(StartsWith("problem: "), HasSubstr("broken.invalid/hosts.toml"))));
}

TEST(EndpointProbeTest, TimesOfServersAreParsed) {
  EXPECT_EQ(ParseCertificateTime("Nov 29 15:59:06 2026 GMT"), 1795967946);
  EXPECT_EQ(ParseHttpDate("Sun, 29 Nov 2026 15:59:06 GMT"), 1795967946);
  EXPECT_EQ(ParseCertificateTime(""), std::nullopt);
  EXPECT_EQ(ParseHttpDate("yesterday"), std::nullopt);
}

std::vector<std::string> JudgedEnd(int64_t left) {
  constexpr int64_t kNow = 1800000000;
  Findings findings("certificate");
  JudgeCertificateEnd("file", "/a.pem", {"CN=a", kNow + left}, "", kNow, &findings);
  return Lines(findings.Get(), "certificate.file");
}

TEST(CertificateCheckTest, ACertificateIsJudgedByTheTimeThatIsLeft) {
  EXPECT_THAT(JudgedEnd(-1), ElementsAre(StartsWith("problem: ")));
  EXPECT_THAT(JudgedEnd(86400 * 3), ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("3 days"))));
  EXPECT_THAT(JudgedEnd(86400 * 31), ElementsAre(StartsWith("ok: ")));
}

TEST(CertificateCheckTest, FilesThatAreMissingOrDoNotFitAreProblems) {
  FakeHost host;
  const TestCa ca("a");
  const TestCertificate one = ca.Issue("one"), other = ca.Issue("other");
  host.Write("/one.pem", one.certificate);
  host.Write("/other.key", other.key);
  RegistryTlsConfig& tls = host.subject.config.registry.tls["r.example"];
  tls.ca_file = host.subject.tree.At("/nowhere.pem");
  EXPECT_THAT(Lines(host.Look(&CheckCertificates, "certificate"), "certificate.file"),
              ElementsAre(AllOf(StartsWith("problem: "), HasSubstr("nowhere.pem"))));
  tls = {.insecure_skip_verify = false,
         .ca_file = "",
         .cert_file = host.subject.tree.At("/one.pem"),
         .key_file = host.subject.tree.At("/other.key")};
  EXPECT_THAT(Lines(host.Look(&CheckCertificates, "certificate"), "certificate.key"),
              ElementsAre(AllOf(StartsWith("problem: "), HasSubstr("r.example"))));
}

class ImageCheckTest : public RegistryCheckTest {
 protected:
  std::vector<std::string> Pause() { return Lines(host_.Look(&CheckImage, "image"), "image.pause"); }
};

TEST_F(ImageCheckTest, AnImageThatNobodyHasIsAProblem) {
  EXPECT_THAT(Pause(), ElementsAre(AllOf(StartsWith("problem: 127.0.0.1:1/pause:1: "), HasSubstr("127.0.0.1:1/v2"))));
}

TEST_F(ImageCheckTest, AnImageThatItsRegistryHasIsFine) {
  const std::string digest = plain_.AddManifest("pause", "1", R"({"schemaVersion": 2, "config": {}, "layers": []})",
                                                "application/vnd.oci.image.manifest.v1+json");
  host_.subject.config.sandbox_image = plain_.host() + "/pause:1";
  EXPECT_THAT(Pause(), ElementsAre(AllOf(StartsWith("ok: "), HasSubstr(digest))));
}

TEST_F(ImageCheckTest, AnImageInTheDatabaseIsOnTheNode) {
  ASSERT_TRUE(MakeDirs(host_.subject.config.root, 0700).ok());
  const std::string path = host_.subject.layout().Database();
  auto database = Database::Open(path);
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_TRUE((*database)->Run("INSERT INTO images (id, config, size) VALUES ('sha256:1', '{}', 1)").ok());
  ASSERT_TRUE((*database)
                  ->Run("INSERT INTO image_names (name, image_id, is_digest) VALUES (?, 'sha256:1', 0)",
                        host_.subject.config.sandbox_image)
                  .ok());
  EXPECT_THAT(Pause(), ElementsAre(HasSubstr("is on the node"))) << "while it is open";
  database->reset();
  EXPECT_THAT(Pause(), ElementsAre(HasSubstr("is on the node")));
}

}  // namespace
}  // namespace crisp
