// The checks that run programs: OCI runtimes, the shim, CNI plugins.
#include <gmock/gmock.h>

#include "doctor/cni_check.h"
#include "doctor/runtime_check.h"
#include "doctor/testing/fake_host.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::vector<std::string> Judged(const std::string& name, const std::string& version) {
  Findings findings("runtime");
  JudgeVersion("/usr/bin/x", {name, version}, &findings);
  return Lines(findings.Get(), "runtime.vulnerabilities");
}

TEST(RuntimeCheckTest, TheVersionIsInTheFirstLine) {
  EXPECT_EQ(ParseVersionLine("runc version 1.1.5+ds1\ncommit: x\n").version, "1.1.5+ds1");
  EXPECT_EQ(ParseVersionLine("crun version 1.8.1\n").name, "crun");
  EXPECT_EQ(ParseVersionLine("runsc release-2024\n").name, "");
  EXPECT_EQ(ParseVersionLine("").name, "");
}

TEST(RuntimeCheckTest, KnownVulnerabilitiesAreAProblemUnlessADistributionMayHavePatchedThem) {
  EXPECT_THAT(Judged("runc", "1.1.11"),
              ElementsAre(AllOf(StartsWith("problem: runc 1.1.11: "), HasSubstr("CVE-2024-21626"))));
  EXPECT_THAT(Judged("runc", "1.1.5+ds1"), ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("changelog"))));
  EXPECT_THAT(Judged("runc", "1.3.6"), ElementsAre(StartsWith("ok: ")));
  EXPECT_THAT(Judged("youki", "0.1.0"), ElementsAre(StartsWith("ok: ")));
}

class ProgramCheckTest : public testing::Test {
 protected:
  std::string Script(const std::string& name, const std::string& body) {
    host_.Write("/bin/" + name, "#!/bin/sh\n" + body, 0755);
    return host_.subject.tree.At("/bin/" + name);
  }
  std::vector<Finding> LookAtRuntimes() { return host_.Look(&CheckRuntimes, "runtime"); }

  void WriteNetwork(const std::string& file, const std::string& text) { host_.Write("/net.d/" + file, text); }
  std::vector<Finding> LookAtCni(std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    host_.subject.config.cni.conf_dir = host_.subject.tree.At("/net.d");
    host_.subject.config.cni.bin_dirs = {host_.subject.tree.At("/bin")};
    return host_.Look(&CheckCni, "cni", limit);
  }

  FakeHost host_;
};

TEST_F(ProgramCheckTest, ARuntimeThatWorksIsFine) {
  host_.subject.config.runtimes["runc"].binary_name = Script(
      "runc",
      "case $1 in --version) echo 'runc version 1.4.0';; features) echo '{\"ociVersionMin\": \"1.0.0\"}';; esac\n");
  const auto findings = LookAtRuntimes();
  EXPECT_THAT(Lines(findings, "runtime.program"), ElementsAre(StartsWith("ok: runtime runc: ")));
  EXPECT_THAT(Lines(findings, "runtime.version"), ElementsAre(HasSubstr("runc 1.4.0")));
}

TEST_F(ProgramCheckTest, AMissingRuntimeIsAProblemIfItIsTheDefaultOne) {
  host_.subject.config.runtimes["runc"].binary_name = "/nonexistent/runc";
  host_.subject.config.runtimes["other"].binary_name = "/nonexistent/other";
  host_.subject.config.runtimes["kata"].unusable = "another shim";
  EXPECT_THAT(
      Lines(LookAtRuntimes(), "runtime.program"),
      ElementsAre(AllOf(StartsWith("warning: runtime kata: another shim")), StartsWith("warning: runtime other: "),
                  AllOf(StartsWith("problem: runtime runc: "), HasSubstr("/nonexistent/runc"))));
}

TEST_F(ProgramCheckTest, ARuntimeThatHangsIsKilledAndNamed) {
  host_.subject.config.runtimes["runc"].binary_name = Script("runc", "exec sleep 1000\n");
  const MonoTime begun = MonoClock::now();
  const auto findings = host_.Look(&CheckRuntimes, "runtime", std::chrono::milliseconds(500));
  EXPECT_THAT(Lines(findings, "runtime.program"), ElementsAre(StartsWith("problem: runtime runc: ")));
  EXPECT_LT(MonoClock::now() - begun, std::chrono::seconds(30));
}

TEST_F(ProgramCheckTest, AShimOfAnotherVersionIsAWarning) {
  host_.subject.config.runtimes.clear();
  host_.subject.config.crisp.shim = Script("crisp-shim", "echo crisp-shim 0.0.1\n");
  EXPECT_THAT(Lines(LookAtRuntimes(), "runtime.shim"), ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("0.0.1"))));
  host_.subject.config.crisp.shim = Script("crisp-shim", "echo crisp-shim " CRISP_VERSION "\n");
  EXPECT_THAT(Lines(LookAtRuntimes(), "runtime.shim"), ElementsAre(StartsWith("ok: ")));
  host_.subject.config.crisp.shim = "/nonexistent/crisp-shim";
  EXPECT_THAT(Lines(LookAtRuntimes(), "runtime.shim"), ElementsAre(StartsWith("problem: ")));
}

TEST_F(ProgramCheckTest, TheShimOfThisBuildTellsItsVersion) {
  host_.subject.config.runtimes.clear();
  host_.subject.config.crisp.shim = CRISP_SHIM;
  EXPECT_THAT(Lines(LookAtRuntimes(), "runtime.shim"), ElementsAre(StartsWith("ok: ")));
}

constexpr char kVersions[] =
    "[ \"$CNI_COMMAND\" = VERSION ] && echo '{\"cniVersion\": \"1.1.0\", \"supportedVersions\": [\"1.0.0\", "
    "\"1.1.0\"]}'\n";

TEST_F(ProgramCheckTest, ANetworkWhosePluginsAnswerIsFine) {
  Script("bridge", kVersions);
  Script("host-local", kVersions);
  WriteNetwork(
      "10-a.conflist",
      R"({"cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}}]})");
  const auto findings = LookAtCni();
  EXPECT_THAT(Lines(findings, "cni.configuration"), ElementsAre(HasSubstr("network a, CNI 1.0.0")));
  EXPECT_THAT(Lines(findings, "cni.plugin"), ElementsAre(StartsWith("ok: "), StartsWith("ok: ")));
  EXPECT_THAT(Lines(findings, "cni.status"), IsEmpty()) << "1.0.0 has no STATUS";
}

TEST_F(ProgramCheckTest, ANodeWithoutANetworkIsAProblem) {
  EXPECT_THAT(Lines(LookAtCni(), "cni.configuration"),
              ElementsAre(AllOf(StartsWith("problem: "), HasSubstr("conf_dir"))));
}

TEST_F(ProgramCheckTest, FilesThatAreBrokenOrNotUsedAreNamed) {
  Script("bridge", kVersions);
  const std::string network = R"("cniVersion": "1.0.0", "plugins": [{"type": "bridge"}]})";
  WriteNetwork("00-broken.conflist", "{");
  WriteNetwork("10-a.conflist", R"({"name": "a", )" + network);
  WriteNetwork("20-b.conflist", R"({"name": "b", )" + network);
  EXPECT_THAT(Lines(LookAtCni(), "cni.configuration"),
              ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("/net.d/00-broken.conflist: ")), StartsWith("ok: "),
                          AllOf(StartsWith("note: "), HasSubstr("20-b.conflist"))));
}

TEST_F(ProgramCheckTest, AMissingPluginIsAProblem) {
  Script("bridge", kVersions);
  WriteNetwork("10-a.conf", R"({"cniVersion": "1.0.0", "name": "a", "type": "bridge", "ipam": {"type": "dhcp"}})");
  EXPECT_THAT(Lines(LookAtCni(), "cni.plugin"),
              ElementsAre(StartsWith("ok: "), AllOf(StartsWith("problem: plugin dhcp of "), HasSubstr("bin_dir"))));
}

TEST_F(ProgramCheckTest, APluginThatDoesNotSpeakTheVersionIsAProblem) {
  Script("bridge", kVersions);
  WriteNetwork("10-a.conf", R"({"cniVersion": "0.3.1", "name": "a", "type": "bridge"})");
  EXPECT_THAT(Lines(LookAtCni(), "cni.plugin"),
              ElementsAre(AllOf(StartsWith("problem: "), HasSubstr("does not speak CNI 0.3.1"))));
}

TEST_F(ProgramCheckTest, APluginThatHangsIsKilledAndNamed) {
  Script("bridge", "exec sleep 1000\n");
  WriteNetwork("10-a.conf", R"({"cniVersion": "1.0.0", "name": "a", "type": "bridge"})");
  const MonoTime begun = MonoClock::now();
  EXPECT_THAT(Lines(LookAtCni(std::chrono::milliseconds(500)), "cni.plugin"),
              ElementsAre(AllOf(StartsWith("problem: "), HasSubstr("was killed"))));
  EXPECT_LT(MonoClock::now() - begun, std::chrono::seconds(30));
}

TEST_F(ProgramCheckTest, StatusOfANewerNetworkIsAsked) {
  Script("bridge",
         std::string(kVersions) +
             "[ \"$CNI_COMMAND\" = STATUS ] && { echo '{\"code\": 50, \"msg\": \"no daemon\"}'; exit 1; }; exit 0\n");
  WriteNetwork("10-a.conf", R"({"cniVersion": "1.1.0", "name": "a", "type": "bridge"})");
  EXPECT_THAT(Lines(LookAtCni(), "cni.status"), ElementsAre(AllOf(StartsWith("problem: "), HasSubstr("no daemon"))));
  Script("bridge", std::string(kVersions) + "exit 0\n");
  EXPECT_THAT(Lines(LookAtCni(), "cni.status"), ElementsAre(StartsWith("ok: ")));
}

TEST_F(ProgramCheckTest, ATemplateThatCannotBeUsedIsAProblem) {
  EXPECT_THAT(Lines(LookAtCni(), "cni.template"), IsEmpty());
  host_.subject.config.cni.conf_template = host_.subject.tree.At("/net.template");
  EXPECT_THAT(Lines(LookAtCni(), "cni.template"),
              ElementsAre(AllOf(StartsWith("problem: "), HasSubstr("No such file"))));
  host_.Write("/net.template", "{{len .Routes}}");
  EXPECT_THAT(Lines(LookAtCni(), "cni.template"), ElementsAre(HasSubstr("line 1: {{len .Routes}}")));
  host_.Write("/net.template", "{{.PodCIDR}}");
  EXPECT_THAT(Lines(LookAtCni(), "cni.template"), ElementsAre(StartsWith("ok: ")));
}

TEST_F(ProgramCheckTest, PluginsOfThisMachineAnswer) {
  host_.Write(
      "/net.d/10-a.conflist",
      R"({"cniVersion": "1.0.0", "name": "a", "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}}, {"type": "portmap"}]})");
  host_.subject.config.cni.conf_dir = host_.subject.tree.At("/net.d");
  host_.subject.config.cni.bin_dirs = {"/usr/lib/cni"};
  EXPECT_THAT(Lines(host_.Look(&CheckCni, "cni"), "cni.plugin"),
              ElementsAre(StartsWith("ok: "), StartsWith("ok: "), StartsWith("ok: ")));
}

}  // namespace
}  // namespace crisp
