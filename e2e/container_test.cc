// What containers are and how they end.
#include <filesystem>
#include <future>
#include <set>

#include "e2e/cri_log.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

using Clock = std::chrono::steady_clock;

class ContainerTest : public NodeTest {
 protected:
  // A pod whose containers share its process namespace: a container's first process is not number 1 there, so that
  // signals do to it what they do to any process.
  PodRef RunSharedPod(const std::string& name) {
    cri::PodSandboxConfig config = PodConfig(name);
    config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(cri::POD);
    return RunPod(config);
  }
  static cri::ContainerConfig Shared(cri::ContainerConfig config) {
    config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(cri::POD);
    return config;
  }

  std::string Output(const PodRef& pod, const std::string& container) {
    return Written(ParseLog(ReadFile(LogPath(pod, container))), "stdout");
  }

  // Runs `config` to its end and returns what it printed.
  std::string OutputOf(const PodRef& pod, const cri::ContainerConfig& config) {
    const cri::ContainerStatus status = RunToEnd(pod, config);
    EXPECT_EQ(status.exit_code(), 0) << ReadFile(LogPath(pod, config.metadata().name()));
    return Output(pod, config.metadata().name());
  }

  // A file of the cgroup of `pid` in the hierarchy of `controller` (cgroup v1), or in the one hierarchy (v2).
  std::string CgroupFile(pid_t pid, const std::string& controller, const std::string& v1, const std::string& v2) {
    for (const std::string& line : Lines(ReadFile("/proc/" + std::to_string(pid) + "/cgroup"))) {
      const size_t first = line.find(':');
      const size_t second = line.find(':', first + 1);
      const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
      if (controllers.find("," + controller + ",") != std::string::npos) {
        return ReadFile("/sys/fs/cgroup/" + controller + line.substr(second + 1) + "/" + v1);
      }
    }
    const std::string all = ReadFile("/proc/" + std::to_string(pid) + "/cgroup");
    return ReadFile("/sys/fs/cgroup" + all.substr(all.find("0::") + 3, all.size() - 4) + "/" + v2);
  }

  std::vector<std::string> Listed(const cri::ContainerFilter& filter = {}) {
    std::vector<std::string> ids;
    for (const cri::Container& container : Containers(filter)) ids.push_back(container.id());
    return ids;
  }
};

// --- How they end ---

TEST_F(ContainerTest, ExitCodeZeroIsCompletedAndOthersAreErrors) {
  const PodRef pod = RunPod("codes");
  const cri::ContainerStatus completed = RunToEnd(pod, ContainerOf("zero", "exit 0"));
  EXPECT_EQ(completed.exit_code(), 0);
  EXPECT_EQ(completed.reason(), "Completed");
  const cri::ContainerStatus failed = RunToEnd(pod, ContainerOf("seven", "exit 7"));
  EXPECT_EQ(failed.exit_code(), 7);
  EXPECT_EQ(failed.reason(), "Error");
  EXPECT_EQ(RunToEnd(pod, ContainerOf("most", "exit 255")).exit_code(), 255);
}

TEST_F(ContainerTest, ASignalIsReportedAs128AndItsNumber) {
  const PodRef pod = RunSharedPod("signals");
  for (const auto& [name, code] :
       std::vector<std::pair<std::string, int>>{{"KILL", 137}, {"TERM", 143}, {"SEGV", 139}}) {
    const cri::ContainerStatus status = RunToEnd(pod, Shared(ContainerOf("by-" + name, "kill -" + name + " $$")));
    EXPECT_EQ(status.exit_code(), code) << name;
    EXPECT_EQ(status.reason(), "Error") << name;
  }
}

TEST_F(ContainerTest, TimesAreInOrderAndInNanoseconds) {
  const PodRef pod = RunPod("times");
  const int64_t before = std::chrono::system_clock::now().time_since_epoch().count();
  const std::string id = Start(pod, ContainerOf("second", "sleep 1"));
  const cri::ContainerStatus running = StatusOf(id);
  EXPECT_EQ(running.state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(running.finished_at(), 0);
  const cri::ContainerStatus status = WaitForExit(id);
  EXPECT_LE(before, status.created_at());
  EXPECT_LE(status.created_at(), status.started_at());
  EXPECT_EQ(status.started_at(), running.started_at());
  EXPECT_GE(status.finished_at() - status.started_at(), 900'000'000);
  EXPECT_LE(status.finished_at() - status.started_at(), 5'000'000'000);
}

TEST_F(ContainerTest, AMissingProgramIsAStartErrorWithCode128) {
  const PodRef pod = RunPod("missing");
  const std::string id = Create(pod, ContainerRunning("missing", {"/no/such/program"}));
  const auto answer = cri().StartContainer(id);
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.text(), HasSubstr("/no/such/program"));
  const cri::ContainerStatus status = StatusOf(id);
  EXPECT_EQ(status.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(status.exit_code(), 128);
  EXPECT_EQ(status.reason(), "StartError");
  EXPECT_THAT(status.message(), HasSubstr("/no/such/program"));
  EXPECT_GT(status.finished_at(), 0);
  Must(cri().RemoveContainer(id));
}

TEST_F(ContainerTest, AboveItsMemoryLimitItIsOomKilled) {
  const PodRef pod = RunPod("oom");
  cri::ContainerConfig config = ContainerRunning("eater", {"tail", "/dev/zero"});
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(32 << 20);
  const cri::ContainerStatus status = RunToEnd(pod, config);
  EXPECT_EQ(status.exit_code(), 137);
  EXPECT_EQ(status.reason(), "OOMKilled");
}

TEST_F(ContainerTest, ChildrenEndWithTheFirstProcess) {
  const PodRef pod = RunPod("children");
  RunToEnd(pod, ContainerOf("parent", "setsid sleep 12345 & exit 0"));
  EXPECT_TRUE(Eventually(std::chrono::seconds(2), [&] {
    for (const std::string& process : ProcessList({})) {
      if (process.find("sleep 12345") != std::string::npos) return false;
    }
    return true;
  }));
}

// --- Stop ---

TEST_F(ContainerTest, StopSendsTermAndWaitsForAGracefulEnd) {
  const PodRef pod = RunPod("graceful");
  const std::string id =
      Start(pod, ContainerOf("trap", "trap 'sleep 1; exit 7' TERM; echo ready; while :; do sleep 0.05; done"));
  WaitFor("the trap", std::chrono::seconds(5), [&] { return Output(pod, "trap") == "ready\n"; });
  const auto begin = Clock::now();
  Must(cri().StopContainer(id, 20));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(8)) << "it waited though the container had gone";
  const cri::ContainerStatus status = StatusOf(id);
  EXPECT_EQ(status.state(), cri::CONTAINER_EXITED);
  EXPECT_EQ(status.exit_code(), 7);
}

TEST_F(ContainerTest, StopKillsWhatIgnoresTermAfterTheGrace) {
  const PodRef pod = RunPod("stubborn");
  const std::string id = Start(pod, ContainerOf("trap", "trap '' TERM; echo ready; while :; do sleep 0.05; done"));
  WaitFor("the trap", std::chrono::seconds(5), [&] { return Output(pod, "trap") == "ready\n"; });
  const auto begin = Clock::now();
  Must(cri().StopContainer(id, 1));
  EXPECT_GE(Clock::now() - begin, std::chrono::milliseconds(950));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(6));
  const cri::ContainerStatus status = StatusOf(id);
  EXPECT_EQ(status.exit_code(), 137);
  EXPECT_EQ(status.reason(), "Error");
}

TEST_F(ContainerTest, StopWithoutGraceKillsAtOnce) {
  const PodRef pod = RunPod("at-once");
  const std::string id =
      Start(pod, ContainerOf("trap", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"));
  WaitFor("the trap", std::chrono::seconds(5), [&] { return Output(pod, "trap") == "ready\n"; });
  Must(cri().StopContainer(id, 0));
  EXPECT_EQ(StatusOf(id).exit_code(), 137);
}

TEST_F(ContainerTest, StopOfASignalledProcessIs143) {
  const PodRef pod = RunSharedPod("term");
  const std::string id = Start(pod, Shared(ContainerRunning("sleep", {"sleep", "1000"})));
  Must(cri().StopContainer(id, 10));
  EXPECT_EQ(StatusOf(id).exit_code(), 143);
}

TEST_F(ContainerTest, StopSendsTheSignalOfTheImage) {
  Must(cri().Pull(kStopSignal));
  const PodRef pod = RunPod("stopsignal");
  cri::ContainerConfig config =
      ContainerOf("trap", "trap 'exit 42' USR1; trap '' TERM; echo ready; while :; do sleep 0.05; done");
  config.mutable_image()->set_image(kStopSignal);
  const std::string id = Start(pod, config);
  WaitFor("the trap", std::chrono::seconds(5), [&] { return Output(pod, "trap") == "ready\n"; });
  EXPECT_EQ(StatusOf(id).stop_signal(), cri::SIGNAL_SIGUSR1);
  Must(cri().StopContainer(id, 20));
  EXPECT_EQ(StatusOf(id).exit_code(), 42);
}

TEST_F(ContainerTest, TheContainersStopSignalGoesBeforeTheImages) {
  Must(cri().Pull(kStopSignal));
  const PodRef pod = RunPod("own-signal");
  cri::ContainerConfig config = ContainerOf(
      "trap", "trap 'exit 42' USR1; trap 'exit 43' USR2; trap '' TERM; echo ready; while :; do sleep 0.05; done");
  config.mutable_image()->set_image(kStopSignal);
  config.set_stop_signal(cri::SIGNAL_SIGUSR2);
  const std::string id = Start(pod, config);
  WaitFor("the trap", std::chrono::seconds(5), [&] { return Output(pod, "trap") == "ready\n"; });
  EXPECT_EQ(StatusOf(id).stop_signal(), cri::SIGNAL_SIGUSR2);
  Must(cri().StopContainer(id, 20));
  EXPECT_EQ(StatusOf(id).exit_code(), 43);
}

TEST_F(ContainerTest, StopAndRemoveMayBeRepeatedAndAreFineForAbsentOnes) {
  const PodRef pod = RunPod("repeat");
  const std::string id = Start(pod, ContainerOf("sleep", "sleep 1000"));
  Must(cri().StopContainer(id, 0));
  Must(cri().StopContainer(id, 0));
  Must(cri().RemoveContainer(id));
  Must(cri().RemoveContainer(id));
  Must(cri().StopContainer(id, 0));
}

TEST_F(ContainerTest, StopOfOneThatWasNeverStartedIsFine) {
  const PodRef pod = RunPod("never");
  const std::string id = Create(pod, ContainerOf("never", "true"));
  EXPECT_EQ(StatusOf(id).state(), cri::CONTAINER_CREATED);
  Must(cri().StopContainer(id, 0));
  Must(cri().RemoveContainer(id));
  EXPECT_EQ(cri().ContainerStatus(id).code(), grpc::NOT_FOUND);
}

TEST_F(ContainerTest, TwoStopsAtOnceBothSucceed) {
  const PodRef pod = RunPod("twice");
  const std::string id = Start(pod, ContainerOf("trap", "trap '' TERM; while :; do sleep 0.05; done"));
  auto first = std::async(std::launch::async, [&] { return cri().StopContainer(id, 2); });
  auto second = std::async(std::launch::async, [&] { return cri().StopContainer(id, 0); });
  EXPECT_TRUE(first.get().ok());
  EXPECT_TRUE(second.get().ok());
  EXPECT_EQ(StatusOf(id).exit_code(), 137);
}

TEST_F(ContainerTest, AnExitedOneDoesNotStartAgain) {
  const PodRef pod = RunPod("once");
  const std::string id = Start(pod, ContainerOf("once", "exit 3"));
  WaitForExit(id);
  EXPECT_FALSE(cri().StartContainer(id).ok());
  EXPECT_EQ(StatusOf(id).exit_code(), 3);
}

TEST_F(ContainerTest, RemoveOfARunningOneKillsIt) {
  const PodRef pod = RunPod("remove");
  const std::string id = Start(pod, ContainerOf("sleep", "sleep 1000"));
  Must(cri().RemoveContainer(id));
  EXPECT_THAT(Containers(), IsEmpty());
  EXPECT_TRUE(FileExists(LogPath(pod, "sleep"))) << "the log is the kubelet's to remove";
}

// --- What is reported ---

TEST_F(ContainerTest, StatusGivesBackWhatWasAskedFor) {
  const PodRef pod = RunPod("status");
  cri::ContainerConfig config = ContainerOf("full", "sleep 1000");
  config.mutable_metadata()->set_attempt(2);
  (*config.mutable_labels())["a"] = "b";
  (*config.mutable_annotations())["c"] = "d\ne";
  MakeDirectory(node().directory() + "/volume");
  cri::Mount* mount = config.add_mounts();
  mount->set_host_path(node().directory() + "/volume");
  mount->set_container_path("/volume");
  mount->set_readonly(true);
  config.mutable_linux()->mutable_resources()->set_cpu_shares(512);
  config.mutable_linux()->mutable_resources()->set_memory_limit_in_bytes(64 << 20);
  config.mutable_image()->set_user_specified_image("busybox:1.36");
  (*config.mutable_image()->mutable_annotations())["e"] = "f";
  const std::string id = Start(pod, config);
  const cri::ContainerStatus status = StatusOf(id);
  EXPECT_EQ(status.id(), id);
  EXPECT_THAT(id, SizeIs(64));
  EXPECT_EQ(status.metadata().SerializeAsString(), config.metadata().SerializeAsString());
  EXPECT_EQ(status.state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(status.exit_code(), 0);
  EXPECT_EQ(status.labels().at("a"), "b");
  EXPECT_EQ(status.annotations().at("c"), "d\ne");
  EXPECT_EQ(status.log_path(), LogPath(pod, "full"));
  ASSERT_THAT(status.mounts(), SizeIs(1));
  EXPECT_EQ(status.mounts(0).SerializeAsString(), mount->SerializeAsString());
  EXPECT_EQ(status.resources().linux().cpu_shares(), 512);
  EXPECT_EQ(status.resources().linux().memory_limit_in_bytes(), 64 << 20);
  EXPECT_EQ(status.image().image(), "busybox:1.36") << "what the pod's author wrote";
  EXPECT_EQ(status.image().user_specified_image(), "busybox:1.36");
  EXPECT_EQ(status.image().annotations().at("e"), "f");
  const StoredImage& image = Store().images.at(kBusybox);
  EXPECT_EQ(status.image_id(), image.id);
  EXPECT_EQ(status.image_ref(), "docker.io/library/busybox@" + image.digest);
  EXPECT_EQ(status.stop_signal(), cri::SIGNAL_SIGTERM);
  EXPECT_EQ(status.user().linux().uid(), 0);

  const cri::Container listed = Containers().front();
  EXPECT_EQ(listed.id(), id);
  EXPECT_EQ(listed.pod_sandbox_id(), pod.id);
  EXPECT_EQ(listed.metadata().SerializeAsString(), config.metadata().SerializeAsString());
  EXPECT_EQ(listed.image().image(), kBusybox);
  EXPECT_EQ(listed.image().annotations().at("e"), "f");
  EXPECT_EQ(listed.image_id(), image.id);
  EXPECT_EQ(listed.state(), cri::CONTAINER_RUNNING);
  EXPECT_EQ(listed.created_at(), status.created_at());
  EXPECT_EQ(listed.labels().at("a"), "b");
  EXPECT_EQ(listed.annotations().at("c"), "d\ne");
}

TEST_F(ContainerTest, AVerboseStatusShowsThePidAndWhatTheRuntimeWasTold) {
  const PodRef pod = RunPod("verbose");
  const std::string id = Start(pod, ContainerOf("main", "sleep 1000"));
  const std::string running = Must(cri().ContainerStatus(id, true)).info().at("info");
  EXPECT_THAT(running, HasSubstr("\"pid\":" + std::to_string(PidOf(id)) + ","));
  EXPECT_THAT(running, HasSubstr("\"args\":[\"sh\",\"-c\",\"sleep 1000\"]"));
  Must(cri().StopContainer(id, 0));
  EXPECT_THAT(Must(cri().ContainerStatus(id, true)).info().at("info"), HasSubstr("\"pid\":0,"));
  EXPECT_THAT(Must(cri().ContainerStatus(id)).info(), IsEmpty());
}

TEST_F(ContainerTest, AnImageMayBeGivenByItsId) {
  const PodRef pod = RunPod("by-id");
  const StoredImage& image = Store().images.at(kBusybox);
  for (const std::string& name : {image.id, image.id.substr(7)}) {
    cri::ContainerConfig config = ContainerOf("by-" + name.substr(0, 6), "sleep 1000");
    config.mutable_image()->set_image(name);
    EXPECT_EQ(StatusOf(Start(pod, config)).image_id(), image.id);
  }
}

TEST_F(ContainerTest, ListFiltersByIdPrefixStatePodAndLabels) {
  const PodRef one = RunPod("one");
  const PodRef two = RunPod("two");
  cri::ContainerConfig labelled = ContainerOf("a", "sleep 1000");
  (*labelled.mutable_labels())["which"] = "a";
  const std::string a = Start(one, labelled);
  const std::string b = Create(one, ContainerOf("b", "true"));
  const std::string c = Start(two, ContainerOf("c", "true"));
  WaitForExit(c);

  cri::ContainerFilter filter;
  filter.set_id(a.substr(0, 12));
  EXPECT_THAT(Listed(filter), ElementsAre(a));
  filter.Clear();
  filter.set_pod_sandbox_id(one.id);
  EXPECT_THAT(Listed(filter), ::testing::UnorderedElementsAre(a, b));
  filter.mutable_state()->set_state(cri::CONTAINER_CREATED);
  EXPECT_THAT(Listed(filter), ElementsAre(b));
  filter.Clear();
  filter.mutable_state()->set_state(cri::CONTAINER_EXITED);
  EXPECT_THAT(Listed(filter), ElementsAre(c));
  filter.Clear();
  (*filter.mutable_label_selector())["which"] = "a";
  EXPECT_THAT(Listed(filter), ElementsAre(a));
  EXPECT_EQ(StatusOf(a.substr(0, 13)).id(), a);
}

TEST_F(ContainerTest, CreatesOfOneNameAreOne) {
  const PodRef pod = RunPod("join");
  std::vector<std::future<std::string>> creates;
  for (int i = 0; i < 8; ++i) {
    creates.push_back(std::async(std::launch::async, [&] { return Create(pod, ContainerOf("one", "true")); }));
  }
  std::set<std::string> ids;
  for (auto& create : creates) ids.insert(create.get());
  EXPECT_THAT(ids, SizeIs(1));
  EXPECT_THAT(Containers(), SizeIs(1));
}

TEST_F(ContainerTest, AnImageThatIsNotHereIsNotFound) {
  const PodRef pod = RunPod("no-image");
  cri::ContainerConfig config = ContainerOf("none", "true");
  config.mutable_image()->set_image("docker.io/library/absent:1");
  const auto answer = cri().CreateContainer(pod.id, pod.config, config);
  EXPECT_EQ(answer.code(), grpc::NOT_FOUND) << Describe(answer.status);
  EXPECT_THAT(answer.text(), HasSubstr("docker.io/library/absent:1"));
  EXPECT_THAT(Containers(), IsEmpty());
}

// --- What they run ---

TEST_F(ContainerTest, TheImagesDefaultsHold) {
  Must(cri().Pull(kDefaults));
  const PodRef pod = RunPod("defaults");
  cri::ContainerConfig config = ContainerRunning("defaults", {});
  config.mutable_image()->set_image(kDefaults);
  cri::KeyValue* variable = config.add_envs();
  variable->set_key("BOTH");
  variable->set_value("container");
  const std::string id = Start(pod, config);
  WaitFor("its output", std::chrono::seconds(5),
          [&] { return Output(pod, "defaults").find("PATH=") != std::string::npos; });
  const std::vector<std::string> lines = Lines(Output(pod, "defaults"));
  EXPECT_THAT(lines, AllOf(Contains("entrypoint cmd0 cmd1"), Contains("/srv"), Contains("FROM_IMAGE=yes"),
                           Contains("BOTH=container"), Contains("HOME=/home"), Contains("HOSTNAME=defaults")));
  EXPECT_THAT(lines, Contains(StartsWith("uid=1234(app) gid=50(staff)")));
  EXPECT_EQ(StatusOf(id).user().linux().uid(), 1234);
  EXPECT_EQ(StatusOf(id).user().linux().gid(), 50);
}

TEST_F(ContainerTest, ArgsReplaceTheImagesCommand) {
  Must(cri().Pull(kDefaults));
  const PodRef pod = RunPod("args");
  cri::ContainerConfig config = ContainerRunning("args", {});
  config.mutable_image()->set_image(kDefaults);
  config.add_args("mine");
  Start(pod, config);
  EXPECT_TRUE(Eventually(std::chrono::seconds(5), [&] { return Output(pod, "args").find("entrypoint mine\n") == 0; }))
      << Output(pod, "args");
}

TEST_F(ContainerTest, ACommandReplacesTheImagesEntrypointAndCommand) {
  Must(cri().Pull(kDefaults));
  const PodRef pod = RunPod("command");
  cri::ContainerConfig config = ContainerRunning("command", {"echo", "only"});
  config.mutable_image()->set_image(kDefaults);
  config.add_args("this");
  EXPECT_EQ(OutputOf(pod, config), "only this\n");
}

TEST_F(ContainerTest, EnvironmentWorkingDirectoryAndHostnameAreAsAsked) {
  const PodRef pod = RunPod("environment");
  cri::ContainerConfig config = ContainerOf("env", "pwd; echo \"$ONE|$TWO|$EMPTY|$HOSTNAME\"");
  config.set_working_dir("/made/for/it");
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"ONE", "1 = one"}, {"TWO", "two\nlines"}, {"EMPTY", ""}}) {
    cri::KeyValue* variable = config.add_envs();
    variable->set_key(key);
    variable->set_value(value);
  }
  EXPECT_EQ(OutputOf(pod, config), "/made/for/it\n1 = one|two\nlines||environment\n");
}

TEST_F(ContainerTest, RunsAsTheUserAndGroupThatWereAskedFor) {
  const PodRef pod = RunPod("users");
  cri::ContainerConfig by_number = ContainerOf("by-number", "id -u; id -g");
  by_number.mutable_linux()->mutable_security_context()->mutable_run_as_user()->set_value(4321);
  by_number.mutable_linux()->mutable_security_context()->mutable_run_as_group()->set_value(8765);
  EXPECT_EQ(OutputOf(pod, by_number), "4321\n8765\n");
  cri::ContainerConfig by_name = ContainerOf("by-name", "id -u; id -g");
  by_name.mutable_linux()->mutable_security_context()->set_run_as_username("app");
  EXPECT_EQ(OutputOf(pod, by_name), "1234\n50\n");
}

TEST_F(ContainerTest, AGroupWithoutAUserAndAnUnknownUserAreRefused) {
  const PodRef pod = RunPod("no-user");
  cri::ContainerConfig group = ContainerOf("group", "id");
  group.mutable_linux()->mutable_security_context()->mutable_run_as_group()->set_value(8765);
  EXPECT_EQ(cri().CreateContainer(pod.id, pod.config, group).code(), grpc::INVALID_ARGUMENT);
  cri::ContainerConfig name = ContainerOf("name", "id");
  name.mutable_linux()->mutable_security_context()->set_run_as_username("nobody-of-that-name");
  const auto answer = cri().CreateContainer(pod.id, pod.config, name);
  EXPECT_FALSE(answer.ok());
  EXPECT_THAT(answer.text(), HasSubstr("nobody-of-that-name"));
  EXPECT_THAT(Containers(), IsEmpty());
}

TEST_F(ContainerTest, MountsAreBoundReadOnlyWhereAskedAndAMissingHostPathIsMade) {
  const PodRef pod = RunPod("mounts");
  const std::string host = node().directory() + "/host";
  WriteFile(host + "/real/file", "from the host\n");
  std::filesystem::create_symlink("real", host + "/link");
  cri::ContainerConfig config = ContainerOf("mounts",
                                            "cat /ro/file /single; echo written > /rw/new; echo made > /missing/file; "
                                            "echo no > /ro/no && exit 1; exit 0");
  const auto add = [&](const std::string& from, const std::string& to, bool readonly) {
    cri::Mount* mount = config.add_mounts();
    mount->set_host_path(from);
    mount->set_container_path(to);
    mount->set_readonly(readonly);
  };
  add(host + "/real", "/ro", true);
  add(host + "/link", "/rw", false);
  add(host + "/real/file", "/single", true);
  add(host + "/not/there", "/missing", false);
  EXPECT_EQ(OutputOf(pod, config), "from the host\nfrom the host\n");
  EXPECT_EQ(ReadFile(host + "/real/new"), "written\n");
  EXPECT_EQ(ReadFile(host + "/not/there/file"), "made\n");
  EXPECT_FALSE(FileExists(host + "/real/no"));
}

TEST_F(ContainerTest, CpuAndMemoryLimitsAreInItsCgroup) {
  const PodRef pod = RunPod("limits");
  cri::ContainerConfig config = ContainerOf("limits", "sleep 1000");
  cri::LinuxContainerResources* resources = config.mutable_linux()->mutable_resources();
  resources->set_cpu_shares(512);
  resources->set_cpu_quota(50000);
  resources->set_cpu_period(100000);
  resources->set_memory_limit_in_bytes(64 << 20);
  const pid_t pid = PidOf(Start(pod, config));
  EXPECT_THAT(CgroupFile(pid, "memory", "memory.limit_in_bytes", "memory.max"), std::to_string(64 << 20) + "\n");
  EXPECT_THAT(CgroupFile(pid, "cpu", "cpu.cfs_quota_us", "cpu.max"), StartsWith("50000"));
  EXPECT_THAT(CgroupFile(pid, "cpu", "cpu.shares", "cpu.weight"), ::testing::AnyOf("512\n", "20\n"));
}

TEST_F(ContainerTest, HasTheDefaultCapabilitiesAndAllOfThemWhenPrivileged) {
  cri::PodSandboxConfig pod_config = PodConfig("capabilities");
  pod_config.mutable_linux()->mutable_security_context()->set_privileged(true);
  const PodRef pod = RunPod(pod_config);
  // chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service net_raw sys_chroot mknod audit_write
  // setfcap
  EXPECT_EQ(OutputOf(pod, ContainerOf("default", "grep CapEff /proc/self/status")), "CapEff:\t00000000a80425fb\n");
  cri::ContainerConfig privileged =
      ContainerOf("privileged", "grep CapEff /proc/self/status; ls /dev/kmsg; mount -t tmpfs x /tmp");
  privileged.mutable_linux()->mutable_security_context()->set_privileged(true);
  const std::string mine = ReadFile("/proc/self/status");
  const size_t at = mine.find("CapEff:");
  EXPECT_EQ(OutputOf(pod, privileged), mine.substr(at, mine.find('\n', at) + 1 - at) + "/dev/kmsg\n");
}

TEST_F(ContainerTest, AnUnprivilegedOneCannotMountNorWriteToSys) {
  const PodRef pod = RunPod("unprivileged");
  EXPECT_NE(RunToEnd(pod, ContainerOf("mount", "mount -t tmpfs x /tmp")).exit_code(), 0);
  EXPECT_EQ(RunToEnd(pod, ContainerOf("sys", "grep -q '^sysfs /sys sysfs ro,' /proc/mounts")).exit_code(), 0);
}

// The kubelet asks for these in every container that is not privileged.
TEST_F(ContainerTest, MaskedAndReadOnlyPathsAreSo) {
  const PodRef pod = RunPod("masked");
  cri::ContainerConfig config = ContainerOf("masked",
                                            "cat /proc/kcore /proc/timer_list; ls /sys/firmware; cat "
                                            "/proc/sys/vm/swappiness > /proc/sys/vm/swappiness && echo written");
  auto* security = config.mutable_linux()->mutable_security_context();
  for (const char* path : {"/proc/kcore", "/proc/timer_list", "/sys/firmware"}) security->add_masked_paths(path);
  for (const char* path : {"/proc/sys", "/proc/irq"}) security->add_readonly_paths(path);
  RunToEnd(pod, config);
  EXPECT_EQ(Output(pod, "masked"), "");
}

TEST_F(ContainerTest, ItsWritesAreItsOwn) {
  const PodRef pod = RunPod("writes");
  const std::string writer = Start(pod, ContainerOf("writer", "sleep 1000"));
  Sh(writer, "echo changed > /etc/passwd; rm /etc/group; echo x > /new");
  const std::string reader = Start(pod, ContainerOf("reader", "sleep 1000"));
  EXPECT_THAT(Sh(reader, "cat /etc/passwd"), StartsWith("root:x:0:0:"));
  EXPECT_THAT(Sh(reader, "ls / /etc"), AllOf(Not(HasSubstr("new")), HasSubstr("group")));
}

// Each of the two alone would fill a message of the kubelet's: they share one.
TEST_F(ContainerTest, BothStreamsOfAnExecAtTheCapFitOneAnswer) {
  const PodRef pod = RunPod("cap");
  const std::string id = Start(pod, ContainerOf("main", "sleep 1000"));
  const auto result = Must(
      cri().Exec(id, {"sh", "-c", "head -c 20000000 /dev/zero >&2 & head -c 20000000 /dev/zero; wait; exit 9"}, 60));
  EXPECT_EQ(result.exit_code(), 9);
  EXPECT_EQ(result.stdout().size(), result.stderr().size());
  EXPECT_GT(result.stdout().size(), (size_t{8} << 20) - 4096);
}

TEST_F(ContainerTest, ManyStartAtOnce) {
  const PodRef pod = RunPod("many");
  std::vector<std::future<cri::ContainerStatus>> ends;
  for (int i = 0; i < 8; ++i) {
    ends.push_back(std::async(std::launch::async, [&, i] {
      return RunToEnd(pod, ContainerOf("c" + std::to_string(i), "exit " + std::to_string(i)));
    }));
  }
  for (int i = 0; i < 8; ++i) EXPECT_EQ(ends[static_cast<size_t>(i)].get().exit_code(), i);
}

}  // namespace
}  // namespace crisp::e2e
