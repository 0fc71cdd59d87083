// NodeTest: the fixture of every end-to-end test. A node is up with the pause image and busybox pulled; when the test
// is over all pods are removed and the node must look as it did before.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "e2e/client.h"
#include "e2e/files.h"
#include "e2e/images.h"
#include "e2e/machine.h"
#include "e2e/node.h"
#include "e2e/wait.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp::e2e {

// The machine that this program runs in; without one every test skips.
void SetMachine(const Machine& machine);

struct PodRef {
  std::string id;
  cri::PodSandboxConfig config;
};

class NodeTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
  // What the node is to be like; called before it is made.
  virtual NodeOptions Options(const Machine&) { return {}; }

  Node& node() { return *node_; }
  Cri& cri() { return node_->cri(); }

  // A pod on the bridge, with its log directory made.
  cri::PodSandboxConfig PodConfig(const std::string& name);
  // busybox running `script` in a shell, logging to <name>.log.
  static cri::ContainerConfig ContainerOf(const std::string& name, const std::string& script);
  // busybox running `command` as it is.
  static cri::ContainerConfig ContainerRunning(const std::string& name, const std::vector<std::string>& command);
  static std::string LogPath(const PodRef& pod, const std::string& container) {
    return pod.config.log_directory() + "/" + container + ".log";
  }

  PodRef RunPod(const std::string& name) { return RunPod(PodConfig(name)); }
  PodRef RunPod(const cri::PodSandboxConfig& config);
  std::string Create(const PodRef& pod, const cri::ContainerConfig& config);
  std::string Start(const PodRef& pod, const cri::ContainerConfig& config);
  // Starts it and waits until it has exited.
  cri::ContainerStatus RunToEnd(const PodRef& pod, const cri::ContainerConfig& config);

  std::vector<cri::PodSandbox> Pods(const cri::PodSandboxFilter& filter = {});
  std::vector<cri::Container> Containers(const cri::ContainerFilter& filter = {});
  std::vector<cri::Image> Images();
  cri::PodSandboxStatus PodStatus(const std::string& id) { return Must(cri().PodStatus(id)).status(); }
  cri::ContainerStatus StatusOf(const std::string& id) { return Must(cri().ContainerStatus(id)).status(); }
  cri::ContainerStatus WaitForExit(const std::string& id);
  // Standard output of a command in a container; throws unless it exits 0.
  std::string Sh(const std::string& container, const std::string& script);
  // The pid, on the test's machine, of a running container's first process: it is in a cgroup of the container and its
  // parent is not.
  static pid_t PidOf(const std::string& container);
  // Of a program of the machine whose command line has `text` in it; throws unless there is exactly one.
  pid_t PidByCommand(const std::string& text);

  void RemoveAllPods();
  // What differs from the state before the test, after up to `limit`; empty if nothing.
  std::string Leftovers(std::chrono::milliseconds limit = std::chrono::seconds(3));

 private:
  std::unique_ptr<Node> node_;
  std::optional<Snapshot> before_;
  std::vector<std::string> images_before_;
};

}  // namespace crisp::e2e
