// NodeTest: the fixture of every end-to-end test. A node is up with the pause image and busybox pulled. When the test
// is over its pods and images are removed, and the node must look as it did before the test.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "e2e/client.h"
#include "e2e/configs.h"
#include "e2e/files.h"
#include "e2e/images.h"
#include "e2e/machine.h"
#include "e2e/node.h"
#include "e2e/processes.h"
#include "e2e/wait.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp::e2e {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

// The machine that this program runs in; without one every test skips.
void SetMachine(const Machine& machine);

// A pod that runs, and what it was made from, which CreateContainer takes again.
struct PodRef {
  std::string id;
  cri::PodSandboxConfig config;

  std::string LogPath(const std::string& container) const { return config.log_directory() + "/" + container + ".log"; }
};

// What a container of the pod has written to its standard output so far, as its log has it.
std::string LoggedOutput(const PodRef& pod, const std::string& container);

// The ids of what a list answers with, in its order.
template <typename Item>
std::vector<std::string> IdsOf(const std::vector<Item>& items) {
  std::vector<std::string> ids;
  for (const Item& item : items) ids.push_back(item.id());
  return ids;
}

// Calls that fail where a test expects them to work throw, which ends the test.
class NodeTest : public ::testing::Test {
 protected:
  // A fixture overrides Options and Begin, not these; one that must act before the node is there, or before it is
  // cleared away, calls them.
  void SetUp() override;
  void TearDown() override;

  // What the node is to be like; called before it is made.
  virtual NodeOptions Options(const Machine&) { return {}; }
  // What the fixture's tests begin with, on a node that is up; not called for a test that is skipped.
  virtual void Begin() {}

  Node& node() { return *node_; }
  Cri& cri() { return node_->cri(); }

  // A pod on the bridge with its log directory made, in the cgroup that the test's pods share.
  cri::PodSandboxConfig PodConfig(const std::string& name);
  // The same in a cgroup of its own, as the kubelet gives each pod one. Removed at the end of the test.
  cri::PodSandboxConfig PodConfigWithCgroup(const std::string& name);
  PodRef RunPod(const cri::PodSandboxConfig& config, const std::string& handler = "");
  PodRef RunPod(const std::string& name) { return RunPod(PodConfig(name)); }

  std::string Create(const PodRef& pod, const cri::ContainerConfig& config);
  std::string Start(const PodRef& pod, const cri::ContainerConfig& config);
  // Starts it and waits until it has exited.
  cri::ContainerStatus RunToEnd(const PodRef& pod, const cri::ContainerConfig& config);
  // Its standard output when it has exited; expects exit code 0.
  std::string OutputOf(const PodRef& pod, const cri::ContainerConfig& config);
  cri::ContainerStatus WaitForExit(const std::string& id);
  // Standard output of a script that runs in a container; throws unless it exits with 0.
  std::string Sh(const std::string& container, const std::string& script);

  std::vector<cri::PodSandbox> Pods(const cri::PodSandboxFilter& filter = {});
  std::vector<cri::Container> Containers(const cri::ContainerFilter& filter = {});
  std::vector<cri::Image> Images();
  cri::PodSandboxStatus PodStatus(const std::string& id) { return Must(cri().PodStatus(id)).status(); }
  cri::ContainerStatus StatusOf(const std::string& id) { return Must(cri().ContainerStatus(id)).status(); }

  void RemoveAllPods();
  // What differs from the state before the test, after up to `limit`; empty if nothing.
  std::string Leftovers(std::chrono::milliseconds limit = std::chrono::seconds(3));

 private:
  void ClearAway();

  std::unique_ptr<Node> node_;
  std::optional<Snapshot> before_;
  std::vector<std::string> images_before_;
  std::vector<std::string> own_cgroups_;
};

}  // namespace crisp::e2e
