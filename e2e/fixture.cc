#include "e2e/fixture.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace crisp::e2e {
namespace {

namespace fs = std::filesystem;

std::optional<Machine>& TheMachine() {
  static std::optional<Machine> machine;
  return machine;
}

}  // namespace

void SetMachine(const Machine& machine) {
  TheMachine() = machine;
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
  for (const cri::Image& image : Images()) images_before_.push_back(image.id());
  before_ = node_->Look();
}

void NodeTest::TearDown() {
  if (!before_.has_value()) return;
  node_->ReleaseAll();
  if (!node_->Running()) {
    ADD_FAILURE() << "crispd is not running at the end of the test";
    node_->Start();
  }
  try {
    RemoveAllPods();
    for (const cri::Image& image : Images()) {
      if (std::count(images_before_.begin(), images_before_.end(), image.id()) == 0)
        Must(cri().RemoveImage(image.id()));
    }
  } catch (const std::exception& error) {
    ADD_FAILURE() << "clean-up: " << error.what();
  }
  EXPECT_EQ(Leftovers(), "") << "is left of the test's pods";
  if (HasFailure()) std::cout << "---- crispd's log ----\n" << node_->Log() << "---- end of log ----\n";
}

cri::PodSandboxConfig NodeTest::PodConfig(const std::string& name) {
  cri::PodSandboxConfig config;
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_uid("uid-" + name);
  config.mutable_metadata()->set_namespace_("e2e");
  config.set_hostname(name);
  config.set_log_directory(node_->logs() + "/" + name);
  (*config.mutable_labels())["app"] = name;
  config.mutable_linux()->set_cgroup_parent(node_->cgroup_parent());
  // As the kubelet asks, unless processes are shared. (The default of the field is POD.)
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(cri::CONTAINER);
  MakeDirectory(config.log_directory());
  return config;
}

cri::ContainerConfig NodeTest::ContainerRunning(const std::string& name, const std::vector<std::string>& command) {
  cri::ContainerConfig config;
  config.mutable_metadata()->set_name(name);
  config.mutable_image()->set_image(kBusybox);
  for (const std::string& word : command) config.add_command(word);
  config.set_log_path(name + ".log");
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(cri::CONTAINER);
  return config;
}

cri::ContainerConfig NodeTest::ContainerOf(const std::string& name, const std::string& script) {
  return ContainerRunning(name, {"sh", "-c", script});
}

PodRef NodeTest::RunPod(const cri::PodSandboxConfig& config) {
  return {Must(cri().RunPod(config)).pod_sandbox_id(), config};
}

std::string NodeTest::Create(const PodRef& pod, const cri::ContainerConfig& config) {
  return Must(cri().CreateContainer(pod.id, pod.config, config)).container_id();
}

std::string NodeTest::Start(const PodRef& pod, const cri::ContainerConfig& config) {
  const std::string id = Create(pod, config);
  Must(cri().StartContainer(id));
  return id;
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

cri::ContainerStatus NodeTest::RunToEnd(const PodRef& pod, const cri::ContainerConfig& config) {
  return WaitForExit(Start(pod, config));
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

pid_t NodeTest::PidOf(const std::string& container) {
  pid_t oldest = 0;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string pid = entry.path().filename();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (ReadFile("/proc/" + pid + "/cgroup").find(container) == std::string::npos) continue;
    // The first process of the container is the one whose parent is outside of it.
    std::ifstream stat("/proc/" + pid + "/stat");
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    const std::string rest = text.substr(std::min(text.size(), text.rfind(')') + 2));
    const std::string parent = rest.size() > 2 ? rest.substr(2, rest.find(' ', 2) - 2) : "";
    if (ReadFile("/proc/" + parent + "/cgroup").find(container) == std::string::npos) {
      const pid_t found = static_cast<pid_t>(std::stoi(pid));
      if (oldest == 0 || found < oldest) oldest = found;
    }
  }
  if (oldest == 0) throw std::runtime_error("no process is in a cgroup of container " + container);
  return oldest;
}

// One that has just been started has its starter's command line for a moment.
pid_t NodeTest::PidByCommand(const std::string& text) {
  std::vector<std::string> found;
  WaitFor("one process with \"" + text + "\"", std::chrono::seconds(5), [&] {
    found.clear();
    for (const std::string& process : ProcessList({node_->pid()})) {
      if (process.find(text) != std::string::npos) found.push_back(process);
    }
    return found.size() == 1;
  });
  return static_cast<pid_t>(std::stoi(found.front()));
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
  Eventually(limit, [&] {
    difference = Difference(*before_, node_->Look());
    return difference.empty();
  });
  return difference;
}

}  // namespace crisp::e2e
