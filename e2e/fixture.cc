#include "e2e/fixture.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <stdexcept>

#include "e2e/cri_log.h"

namespace crisp::e2e {
namespace {

std::optional<Machine>& TheMachine() {
  static std::optional<Machine> machine;
  return machine;
}

// Below `parent`. A slice's name holds its ancestors' (systemd.slice(5)), and a dash in it would be one more.
std::string CgroupNameOf(const std::string& parent, std::string pod) {
  if (!WithSystemd()) return "pod-" + pod;
  std::replace(pod.begin(), pod.end(), '-', '_');
  return std::filesystem::path(parent).stem().string() + "-" + pod + ".slice";
}

}  // namespace

void SetMachine(const Machine& machine) {
  TheMachine() = machine;
}

std::string LoggedOutput(const PodRef& pod, const std::string& container) {
  return Written(ParseLog(ReadFile(pod.LogPath(container))), "stdout");
}

void NodeTest::SetUp() {
  if (!TheMachine().has_value()) GTEST_SKIP() << MachineMissing();
  const NodeOptions options = Options(*TheMachine());
  node_ = std::make_unique<Node>(*TheMachine(), options);
  node_->Start();
  if (options.pull_images) {
    Must(cri().Pull(kPause));
    Must(cri().Pull(kBusybox));
  }
  images_before_ = IdsOf(Images());
  before_ = node_->Look();
  Begin();
}

void NodeTest::TearDown() {
  if (!before_.has_value()) return;
  node_->wrappers().ReleaseAll();
  if (!node_->Running()) {
    ADD_FAILURE() << "crispd is not running at the end of the test";
    node_->Start();
  }
  try {
    ClearAway();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "clean-up: " << error.what();
  }
  EXPECT_EQ(Leftovers(), "") << "is left of the test's pods";
  if (HasFailure()) std::cout << "---- crispd's log ----\n" << node_->Log() << "---- end of log ----\n";
}

void NodeTest::ClearAway() {
  RemoveAllPods();
  for (const std::string& cgroup : own_cgroups_) RemoveCgroups(cgroup);
  for (const std::string& image : IdsOf(Images())) {
    if (std::count(images_before_.begin(), images_before_.end(), image) == 0) Must(cri().RemoveImage(image));
  }
}

cri::PodSandboxConfig NodeTest::PodConfig(const std::string& name) {
  cri::PodSandboxConfig config;
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_uid("uid-" + name);
  config.mutable_metadata()->set_namespace_("e2e");
  config.set_hostname(name);
  config.set_log_directory(node_->paths().logs() + "/" + name);
  (*config.mutable_labels())["app"] = name;
  config.mutable_linux()->set_cgroup_parent(node_->cgroup_parent());
  Namespaces(config).set_pid(cri::CONTAINER);  // what the kubelet asks for; the default of the field is POD
  MakeDirectory(config.log_directory());
  return config;
}

cri::PodSandboxConfig NodeTest::PodConfigWithCgroup(const std::string& name) {
  cri::PodSandboxConfig config = PodConfig(name);
  own_cgroups_.push_back(node_->cgroup_parent() + "/" + CgroupNameOf(node_->cgroup_parent(), name));
  config.mutable_linux()->set_cgroup_parent(own_cgroups_.back());
  return config;
}

PodRef NodeTest::RunPod(const cri::PodSandboxConfig& config, const std::string& handler) {
  return {Must(cri().RunPod(config, kCallTimeout, handler)).pod_sandbox_id(), config};
}

std::string NodeTest::Create(const PodRef& pod, const cri::ContainerConfig& config) {
  return Must(cri().CreateContainer(pod.id, pod.config, config)).container_id();
}

std::string NodeTest::Start(const PodRef& pod, const cri::ContainerConfig& config) {
  const std::string id = Create(pod, config);
  Must(cri().StartContainer(id));
  return id;
}

cri::ContainerStatus NodeTest::RunToEnd(const PodRef& pod, const cri::ContainerConfig& config) {
  return WaitForExit(Start(pod, config));
}

std::string NodeTest::OutputOf(const PodRef& pod, const cri::ContainerConfig& config) {
  const cri::ContainerStatus status = RunToEnd(pod, config);
  const std::string& name = config.metadata().name();
  EXPECT_EQ(status.exit_code(), 0) << status.message() << "\n" << ReadFile(pod.LogPath(name));
  return LoggedOutput(pod, name);
}

cri::ContainerStatus NodeTest::WaitForExit(const std::string& id) {
  cri::ContainerStatus status;
  WaitFor("container " + id + " to exit", std::chrono::seconds(30), [&] {
    status = StatusOf(id);
    return status.state() == cri::CONTAINER_EXITED;
  });
  return status;
}

std::string NodeTest::Sh(const std::string& container, const std::string& script) {
  const auto result = Must(cri().Exec(container, {"sh", "-c", script}, 30));
  if (result.exit_code() != 0) {
    throw std::runtime_error("in the container: " + script + ": exit code " + std::to_string(result.exit_code()) +
                             ": " + result.stderr());
  }
  return result.stdout();
}

std::vector<cri::PodSandbox> NodeTest::Pods(const cri::PodSandboxFilter& filter) {
  const auto answer = Must(cri().ListPods(filter));
  return {answer.items().begin(), answer.items().end()};
}

std::vector<cri::Container> NodeTest::Containers(const cri::ContainerFilter& filter) {
  const auto answer = Must(cri().ListContainers(filter));
  return {answer.containers().begin(), answer.containers().end()};
}

std::vector<cri::Image> NodeTest::Images() {
  const auto answer = Must(cri().ListImages());
  return {answer.images().begin(), answer.images().end()};
}

void NodeTest::RemoveAllPods() {
  for (const cri::PodSandbox& pod : Pods()) {
    Must(cri().StopPod(pod.id()));
    Must(cri().RemovePod(pod.id()));
  }
  if (!Containers().empty()) throw std::runtime_error("containers are listed though all pods are removed");
}

std::string NodeTest::Leftovers(std::chrono::milliseconds limit) {
  std::string difference;
  Eventually(
      [&] {
        difference = Difference(*before_, node_->Look());
        return difference.empty();
      },
      limit);
  return difference;
}

}  // namespace crisp::e2e
