#include "doctor/kubelet_check.h"

#include <unistd.h>

#include "doctor/cgroup_check.h"
#include "doctor/kubelet_facts.h"
#include "doctor/testing/fake_host.h"
#include "gmock/gmock.h"
#include "images/testing/test_registry.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class KubeletCheckTest : public testing::Test {
 protected:
  void WriteConfig(const std::string& text) {
    host_.Write("/var/lib/kubelet/config.yaml", "kind: KubeletConfiguration\n" + text);
  }
  KubeletFacts Facts() { return ReadKubeletFacts(host_.subject, CallContext()); }
  std::vector<Finding> Look() { return host_.Look(&CheckKubelet, "kubelet"); }

  FakeHost host_;
};

TEST_F(KubeletCheckTest, ANodeWithoutAKubeletIsANote) {
  EXPECT_THAT(Lines(Look(), "kubelet.config"), ElementsAre(StartsWith("note: kubelet: no kubelet runs")));
  EXPECT_THAT(Lines(Look(), "kubelet.endpoint"), IsEmpty());
}

TEST_F(KubeletCheckTest, AKubeletThatCallsContainerdIsAProblem) {
  WriteConfig("cgroupDriver: systemd\n");
  EXPECT_THAT(Lines(Look(), "kubelet.endpoint"),
              ElementsAre(AllOf(StartsWith("problem: unix:///run/containerd/containerd.sock: "),
                                HasSubstr("the kubelet's default"),
                                HasSubstr("--container-runtime-endpoint=unix:///run/crisp/crisp.sock"))));
}

TEST_F(KubeletCheckTest, TheEndpointIsThatOfItsFileThroughLinks) {
  host_.Write("/run/crisp/crisp.sock", "");
  ASSERT_EQ(mkdir(host_.subject.tree.At("/var").c_str(), 0755), 0);
  ASSERT_EQ(symlink("../run", host_.subject.tree.At("/var/run").c_str()), 0);
  WriteConfig("containerRuntimeEndpoint: unix:///var/run/crisp/crisp.sock\n");
  EXPECT_THAT(Lines(Look(), "kubelet.endpoint"), ElementsAre(StartsWith("ok: ")));
}

TEST_F(KubeletCheckTest, TheSecondSocketServesTheKubeletToo) {
  host_.subject.config.crisp.containerd_address = "/run/containerd/containerd.sock";
  WriteConfig("failSwapOn: true\n");
  EXPECT_THAT(Lines(Look(), "kubelet.endpoint"), ElementsAre(StartsWith("ok: ")));
  EXPECT_THAT(Lines(Look(), "kubelet.cadvisor"), ElementsAre(StartsWith("ok: ")));
}

TEST_F(KubeletCheckTest, TheCommandLineWinsOverDropInsAndFile) {
  host_.Write("/k/config.yaml", "cgroupDriver: cgroupfs\nfailSwapOn: false\n");
  host_.Write("/k/d/10-a.conf", "cgroupDriver: systemd\nfailCgroupV1: true\n");
  host_.Write("/k/d/ignored.yaml", "cgroupDriver: neither\n");
  host_.AddProcess(77, "kubelet",
                   {"/usr/bin/kubelet", "--config=/k/config.yaml", "--config-dir", "/k/d",
                    "--container-runtime-endpoint=unix:///run/a.sock", "--containerd=/run/b.sock"});
  const KubeletFacts facts = Facts();
  EXPECT_TRUE(facts.running);
  EXPECT_EQ(facts.config_file, "/k/config.yaml");
  EXPECT_EQ(facts.cgroup_driver.value, "systemd");
  EXPECT_EQ(facts.cgroup_driver.source, "/k/d/10-a.conf");
  EXPECT_EQ(facts.fail_swap_on.value, "false");
  EXPECT_EQ(facts.fail_cgroup_v1.value, "true");
  EXPECT_EQ(facts.endpoint.value, "unix:///run/a.sock");
  EXPECT_EQ(facts.endpoint.From(), "--container-runtime-endpoint");
  EXPECT_EQ(facts.containerd.value, "/run/b.sock");
}

TEST_F(KubeletCheckTest, WithoutAKubeletThatRunsTheFlagsOfItsUnitCount) {
  host_.Write(
      "/var/lib/kubelet/kubeadm-flags.env",
      "# made by kubeadm\nKUBELET_KUBEADM_ARGS=\"--container-runtime-endpoint=unix:///run/c.sock --pod-infra=x\"\n");
  EXPECT_EQ(Facts().endpoint.value, "unix:///run/c.sock");
}

TEST_F(KubeletCheckTest, AFileThatCannotBeReadIsNamed) {
  WriteConfig("cgroupDriver: [unclosed\n");
  EXPECT_THAT(Lines(Look(), "kubelet.config"),
              ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("/var/lib/kubelet/config.yaml"))));
}

TEST_F(KubeletCheckTest, SwapThatTheKubeletRefusesIsAProblem) {
  host_.Write("/proc/swaps", "Filename Type Size Used Priority\n/dev/sda2 partition 1 0 -2\n");
  WriteConfig("");
  EXPECT_THAT(Lines(Look(), "kubelet.swap"), ElementsAre(StartsWith("problem: ")));
  WriteConfig("failSwapOn: false\n");
  EXPECT_THAT(Lines(Look(), "kubelet.swap"), ElementsAre(StartsWith("ok: ")));
}

TEST_F(KubeletCheckTest, ConfigzOfARunningKubeletReplacesTheFiles) {
  FakeRegistry kubelet;
  kubelet.SetHandler([](const FakeRequest& request) -> std::optional<FakeReply> {
    EXPECT_EQ(request.path, "/api/v1/nodes/n/proxy/configz");
    return FakeReply{.body = R"({"kubeletconfig": {"cgroupDriver": "systemd", "failSwapOn": false}})"};
  });
  WriteConfig("cgroupDriver: cgroupfs\n");
  host_.subject.options.kubelet_url = kubelet.Url("/api/v1/nodes/n/proxy");
  EXPECT_EQ(Facts().cgroup_driver.value, "systemd");
  EXPECT_EQ(Facts().fail_swap_on.value, "false");
  kubelet.SetHandler([](const FakeRequest&) { return FakeReply{.status = 401}; });
  EXPECT_THAT(Facts().faults, ElementsAre(HasSubstr("HTTP status 401")));
}

// The driver of cgroups is judged by the kubelet's facts.
class CgroupCheckTest : public KubeletCheckTest {
 protected:
  std::vector<Finding> Judge(const CgroupFacts& cgroups) {
    Findings findings("cgroup");
    JudgeCgroups(cgroups, Facts(), host_.subject, &findings);
    return findings.Get();
  }
  std::string Driver(const CgroupFacts& cgroups) {
    const auto lines = Lines(Judge(cgroups), "cgroup.driver");
    return lines.size() == 1 ? lines[0] : "";
  }

  const CgroupFacts plain_{true, {"cpu", "cpuset", "memory", "pids"}, false};
  const CgroupFacts systemd_{true, {"cpu", "cpuset", "memory", "pids"}, true};
};

TEST_F(CgroupCheckTest, TheKubeletsOtherDriverIsAProblem) {
  WriteConfig("cgroupDriver: systemd\n");
  EXPECT_THAT(Driver(plain_),
              AllOf(StartsWith("problem: SystemdCgroup = false: "), HasSubstr("/var/lib/kubelet/config.yaml")));
  host_.subject.config.runtimes["runc"].systemd_cgroup = true;
  EXPECT_THAT(Driver(systemd_), StartsWith("ok: "));
}

TEST_F(CgroupCheckTest, TheKubeletsDefaultDriverIsAWarning) {
  WriteConfig("");
  host_.subject.config.runtimes["runc"].systemd_cgroup = true;
  EXPECT_THAT(Driver(systemd_), StartsWith("warning: "));
}

TEST_F(CgroupCheckTest, TheSystemdDriverWithoutSystemdIsAProblem) {
  host_.subject.config.runtimes["runc"].systemd_cgroup = true;
  EXPECT_THAT(Driver(plain_), AllOf(StartsWith("problem: "), HasSubstr("systemd does not run")));
}

TEST_F(CgroupCheckTest, SystemdWithoutItsDriverIsAWarning) {
  EXPECT_THAT(Lines(Judge(systemd_), "cgroup.manager"), ElementsAre(StartsWith("warning: ")));
  EXPECT_THAT(Lines(Judge(plain_), "cgroup.manager"), IsEmpty());
}

TEST_F(CgroupCheckTest, VersionOneIsWhatTheKubeletSaysOfIt) {
  const CgroupFacts v1{false, {"cpu", "cpuset", "memory", "pids"}, false};
  EXPECT_THAT(Lines(Judge(v1), "cgroup.version"), ElementsAre(StartsWith("warning: ")));
  WriteConfig("failCgroupV1: true\n");
  EXPECT_THAT(Lines(Judge(v1), "cgroup.version"), ElementsAre(StartsWith("problem: ")));
  WriteConfig("failCgroupV1: false\n");
  EXPECT_THAT(Lines(Judge(v1), "cgroup.version"), ElementsAre(StartsWith("note: ")));
}

TEST_F(CgroupCheckTest, AMissingControllerIsNamed) {
  EXPECT_THAT(Lines(Judge({true, {"cpu", "cpuset"}, false}), "cgroup.controllers"),
              ElementsAre(StartsWith("problem: memory pids: ")));
}

TEST_F(CgroupCheckTest, TheNodeOfTheTestHasAnAnswer) {
  const auto findings = host_.Look(&CheckCgroups, "cgroup");
  EXPECT_EQ(Named(findings, "cgroup.version").size(), 1u);
  EXPECT_EQ(Named(findings, "cgroup.swap").size(), 1u);
}

}  // namespace
}  // namespace crisp
