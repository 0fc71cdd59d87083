// The checks of what the node has: sysctls, kernel, clock, other runtimes, the unit, crispd's configuration.
#include <gmock/gmock.h>

#include "doctor/clock_check.h"
#include "doctor/config_check.h"
#include "doctor/containerd_check.h"
#include "doctor/kernel_check.h"
#include "doctor/sysctl_check.h"
#include "doctor/testing/fake_host.h"
#include "doctor/unit_check.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(SysctlCheckTest, EachIsJudgedByItsValue) {
  FakeHost host;
  host.Write("/proc/sys/net/ipv4/ip_forward", "0\n");
  host.Write("/proc/sys/net/bridge/bridge-nf-call-iptables", "0\n");
  host.Write("/proc/sys/net/bridge/bridge-nf-call-ip6tables", "1\n");
  host.Write("/proc/sys/net/netfilter/nf_conntrack_count", "95\n");
  host.Write("/proc/sys/net/netfilter/nf_conntrack_max", "100\n");
  host.Write("/proc/sys/fs/inotify/max_user_instances", "8192\n");
  const auto findings = host.Look(&CheckSysctls, "sysctl");
  EXPECT_THAT(Lines(findings, "sysctl.ip_forward"),
              ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("sysctl -w net.ipv4.ip_forward=1"))));
  EXPECT_THAT(Lines(findings, "sysctl.bridge_netfilter"), ElementsAre(StartsWith("warning: "), StartsWith("ok: ")));
  EXPECT_THAT(Lines(findings, "sysctl.conntrack"), ElementsAre(AllOf(StartsWith("problem: "), HasSubstr("95 of 100"))));
  EXPECT_THAT(Lines(findings, "sysctl.inotify"), ElementsAre(StartsWith("ok: ")));
}

TEST(SysctlCheckTest, WhatTheKernelDoesNotHaveIsNoFault) {
  FakeHost host;
  const auto findings = host.Look(&CheckSysctls, "sysctl");
  EXPECT_THAT(Lines(findings, "sysctl.bridge_netfilter"), ElementsAre(StartsWith("note: "), StartsWith("note: ")));
  EXPECT_THAT(Lines(findings, "sysctl.conntrack"), ElementsAre(StartsWith("note: ")));
}

TEST(KernelCheckTest, EveryFeatureOfThisKernelHasAVerdict) {
  FakeHost host;
  host.subject.tree = HostTree();
  const auto findings = host.Look(&CheckKernel, "kernel");
  for (const char* item : {"privileges", "version", "overlayfs", "user_namespaces", "pidfd", "seccomp", "apparmor",
                           "selinux", "psi", "oom_score"}) {
    EXPECT_EQ(Named(findings, std::string("kernel.") + item).size(), 1u) << item;
  }
  EXPECT_THAT(Lines(findings, "kernel.pidfd"), ElementsAre(StartsWith("ok: ")));
  EXPECT_THAT(Lines(findings, "kernel.seccomp"), ElementsAre(StartsWith("ok: ")));
}

TEST(KernelCheckTest, SelinuxThatIsAskedForAndNotThereIsAProblem) {
  FakeHost host;
  host.subject.config.security.enable_selinux = true;
  EXPECT_THAT(Lines(host.Look(&CheckKernel, "kernel"), "kernel.selinux"), ElementsAre(StartsWith("problem: ")));
  host.Write("/sys/fs/selinux/enforce", "1");
  EXPECT_THAT(Lines(host.Look(&CheckKernel, "kernel"), "kernel.selinux"), ElementsAre(StartsWith("ok: ")));
  host.subject.config.security.enable_selinux = false;
  EXPECT_THAT(Lines(host.Look(&CheckKernel, "kernel"), "kernel.selinux"), ElementsAre(StartsWith("warning: ")));
}

std::vector<Finding> JudgedClock(const ClockFacts& facts) {
  Findings findings("clock");
  JudgeClock(facts, &findings);
  return findings.Get();
}

TEST(ClockCheckTest, AClockBeforeTheProgramIsAProblem) {
  const int64_t built = 1700000000;
  const auto wrong = JudgedClock({.now = 1000, .program = built, .synchronised = false, .known = true});
  EXPECT_THAT(Lines(wrong, "clock.plausible"), ElementsAre(StartsWith("problem: 1970-01-01: ")));
  EXPECT_THAT(Lines(wrong, "clock.synchronised"), ElementsAre(StartsWith("warning: ")));
  const auto right = JudgedClock({.now = built + 1, .program = built, .synchronised = true, .known = true});
  EXPECT_THAT(Lines(right, "clock.plausible"), ElementsAre(StartsWith("ok: ")));
  EXPECT_THAT(Lines(right, "clock.synchronised"), ElementsAre(StartsWith("ok: ")));
}

TEST(ClockCheckTest, TheClockOfThisMachineIsPlausible) {
  FakeHost host;
  EXPECT_THAT(Lines(host.Look(&CheckClock, "clock"), "clock.plausible"), ElementsAre(StartsWith("ok: ")));
}

TEST(ContainerdCheckTest, WhatContainerdLeftIsNamed) {
  FakeHost host;
  host.AddProcess(10, "containerd", {"/usr/bin/containerd"});
  host.AddProcess(11, "containerd-shim", {"/usr/bin/containerd-shim-runc-v2"});
  host.AddProcess(12, "containerd-shim", {"/usr/bin/containerd-shim-runc-v2"});
  host.Write("/run/containerd/io.containerd.runtime.v2.task/k8s.io/0123/init.pid", "1");
  host.Write("/var/lib/containerd/blob", std::string(2 << 20, 'x'));
  host.Write("/var/lib/containerd/sub/blob", std::string(2 << 20, 'x'));
  host.Write("/etc/crictl.yaml", "runtime-endpoint: unix:///run/containerd/containerd.sock\n");
  const auto findings = host.Look(&CheckContainerd, "containerd");
  EXPECT_THAT(Lines(findings, "containerd.process"),
              ElementsAre(AllOf(StartsWith("warning: containerd: "), HasSubstr("pid 10")),
                          AllOf(StartsWith("warning: containerd-shim: "), HasSubstr("2 of them"))));
  EXPECT_THAT(Lines(findings, "containerd.tasks"),
              ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("1 containers"))));
  EXPECT_THAT(Lines(findings, "containerd.state"), ElementsAre(AllOf(StartsWith("note: "), HasSubstr("MiB"))));
  EXPECT_THAT(Lines(findings, "containerd.crictl"),
              ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("runtime-endpoint: unix:///run/crisp/crisp.sock"))));
}

TEST(ContainerdCheckTest, ANodeThatNeverHadAnotherRuntimeIsFine) {
  FakeHost host;
  host.AddProcess(10, "crispd", {"/usr/bin/crispd"});
  host.Write("/var/lib/containerd/crisp/layers/a", std::string(2 << 20, 'x'));  // ours
  host.Write("/etc/crictl.yaml", "runtime-endpoint: unix:///run/crisp/crisp.sock\n");
  for (const Finding& finding : host.Look(&CheckContainerd, "containerd")) {
    EXPECT_EQ(finding.verdict, Verdict::kOk) << finding.name << " " << finding.text;
  }
}

constexpr char kGoodUnit[] =
    "[Service]\nExecStart=/usr/bin/crispd\nKillMode=process\nDelegate=yes\nTasksMax=infinity\nLimitNPROC=infinity\n"
    "OOMScoreAdjust=-999\nRestart=always\n";

TEST(UnitCheckTest, TheUnitThatCrispShipsIsFine) {
  FakeHost host;
  const absl::StatusOr<std::string> shipped = ReadFileAt(AT_FDCWD, CRISP_UNIT, 1 << 20);
  ASSERT_TRUE(shipped.ok()) << shipped.status();
  host.Write("/etc/systemd/system/crispd.service", *shipped);
  host.Write("/etc/systemd/system/multi-user.target.wants/crispd.service", "");
  for (const Finding& finding : host.Look(&CheckUnit, "unit")) {
    EXPECT_EQ(finding.verdict, Verdict::kOk) << finding.name << " " << finding.text;
  }
}

TEST(UnitCheckTest, ADropInThatKillsPodsIsAProblem) {
  FakeHost host;
  host.Write("/lib/systemd/system/crispd.service", kGoodUnit);
  host.Write("/etc/systemd/system/crispd.service.d/10-mine.conf",
             "[Service]\n# KillMode=process\nKillMode=mixed\nTasksMax=500\nLimitNOFILE=1024:4096\n");
  const auto findings = host.Look(&CheckUnit, "unit");
  EXPECT_THAT(Lines(findings, "unit.kill_mode"),
              ElementsAre(AllOf(StartsWith("problem: "), HasSubstr("KillMode=mixed"))));
  EXPECT_THAT(Lines(findings, "unit.limits"),
              ElementsAre(HasSubstr("TasksMax=500"), HasSubstr("LimitNOFILE=1024:4096")));
  EXPECT_THAT(Lines(findings, "unit.delegate"), ElementsAre(StartsWith("ok: ")));
  EXPECT_THAT(Lines(findings, "unit.enabled"), ElementsAre(StartsWith("warning: ")));
}

TEST(UnitCheckTest, ARunningSystemdHasTheWord) {
  FakeHost host;
  ASSERT_TRUE(MakeDirs(host.subject.tree.At("/run/systemd/system"), 0755).ok());
  host.Write("/lib/systemd/system/crispd.service", kGoodUnit);
  host.Write("/usr/bin/systemctl",
             "#!/bin/sh\necho FragmentPath=/lib/systemd/system/crispd.service\necho UnitFileState=enabled\n"
             "echo KillMode=control-group\necho Delegate=yes\necho TasksMax=18446744073709551615\n",
             0755);
  const auto findings = host.Look(&CheckUnit, "unit");
  EXPECT_THAT(Lines(findings, "unit.enabled"), ElementsAre(StartsWith("ok: ")));
  EXPECT_THAT(Lines(findings, "unit.kill_mode"), ElementsAre(StartsWith("problem: ")));
  EXPECT_THAT(Lines(findings, "unit.limits"), ElementsAre(StartsWith("ok: ")));
}

TEST(UnitCheckTest, AMissingUnitIsANoteWhereSystemdDoesNotRun) {
  FakeHost host;
  EXPECT_THAT(Lines(host.Look(&CheckUnit, "unit"), "unit.installed"), ElementsAre(StartsWith("note: ")));
  ASSERT_TRUE(MakeDirs(host.subject.tree.At("/run/systemd/system"), 0755).ok());
  EXPECT_THAT(Lines(host.Look(&CheckUnit, "unit"), "unit.installed"), ElementsAre(StartsWith("warning: ")));
}

std::vector<Finding> ConfigFindings(FakeHost& host, const std::string& text, mode_t mode = 0600) {
  host.Write("/etc/crisp/config.toml", text, mode);
  host.subject = SubjectOf({}, host.subject.tree);
  return host.Look(&CheckConfig, "config");
}

TEST(ConfigCheckTest, AFileThatIsRefusedIsAProblem) {
  FakeHost host;
  EXPECT_THAT(Lines(ConfigFindings(host, "version = 2\nroot = 7\n"), "config.file"),
              ElementsAre(AllOf(StartsWith("problem: /etc/crisp/config.toml: "), HasSubstr(":2"))));
}

TEST(ConfigCheckTest, EachWarningIsAFinding) {
  FakeHost host;
  const auto findings = ConfigFindings(host, "version = 2\nno_such_key = 1\n");
  EXPECT_THAT(Lines(findings, "config.file"), ElementsAre(StartsWith("ok: ")));
  EXPECT_THAT(Lines(findings, "config.key"), ElementsAre(AllOf(StartsWith("warning: "), HasSubstr("no_such_key"))));
}

TEST(ConfigCheckTest, CredentialsThatOthersCanReadAreAWarning) {
  FakeHost host;
  constexpr char kText[] =
      "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry.configs.\"r.example\".auth]\nusername = \"u\"\n"
      "password = \"p\"\n";
  EXPECT_THAT(Lines(ConfigFindings(host, kText, 0644), "config.secrets"), ElementsAre(StartsWith("warning: ")));
  EXPECT_THAT(Lines(ConfigFindings(host, kText, 0600), "config.secrets"), ElementsAre(StartsWith("ok: ")));
}

TEST(ConfigCheckTest, WithoutAFileTheDefaultsAreLookedAt) {
  FakeHost host;
  host.subject = SubjectOf({}, host.subject.tree);
  EXPECT_THAT(Lines(host.Look(&CheckConfig, "config"), "config.file"), ElementsAre(StartsWith("note: ")));
}

TEST(HostTreeTest, FlagsAreReadAsGoProgramsReadThem) {
  const std::vector<std::string> args = {"kubelet", "--a=1", "-b", "2", "--c", "--a", "3", "--cc=4"};
  EXPECT_EQ(FlagAmong(args, "a"), "3");
  EXPECT_EQ(FlagAmong(args, "b"), "2");
  EXPECT_EQ(FlagAmong(args, "cc"), "4");
  EXPECT_EQ(FlagAmong(args, "d"), "");
}

}  // namespace
}  // namespace crisp
