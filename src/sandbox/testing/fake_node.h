// FakeNode: a node for tests of this room: real directories, database, network namespaces and mounts; shims, images and
// network are fakes whose steps can be made to fail. Needs root; enters a mount namespace of its own.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "api/cri/cri.h"
#include "base/call_context.h"
#include "os/testing/test_dir.h"
#include "sandbox/pod_manager.h"
#include "sandbox/pod_observer.h"
#include "sandbox/pod_table.h"
#include "sandbox/records.h"
#include "sandbox/testing/fake_images.h"
#include "sandbox/testing/fake_network.h"
#include "sandbox/testing/fake_shims.h"
#include "sandbox/testing/steps.h"
#include "store/database.h"
#include "store/layout.h"

namespace crisp {

// For calls that are answered in milliseconds: a test in which one hangs fails.
inline CallContext InTime() {
  return CallContext::WithTimeout(std::chrono::seconds(30));
}

class FakeNode {
 public:
  FakeNode();
  ~FakeNode();

  // For the daemons that start from now on. Outlives the node; null: nobody.
  void SetObserver(PodObserver* observer) { observer_ = observer; }
  // The program that daemons from now on call as OCI runtime: for updates of running containers only, since the shims
  // are fakes. /bin/true if it was never called.
  void SetRuntime(std::string program) { runtime_ = std::move(program); }

  // A daemon starts. One that runs already ends first, and leaves its pods. Waits until what was half done is finished.
  absl::Status StartDaemon();
  // The same without the wait; `before` is called when all is ready for the start.
  absl::Status StartDaemonAtOnce(const std::function<void()>& before);
  // The daemon dies where it is: from now on nothing that it does has an effect. StartDaemon starts the next one.
  void KillDaemon();

  PodManager& pods() { return *manager_; }
  const PodTable& table() const { return *table_; }
  Steps& steps() { return steps_; }
  FakeShims& shims() { return shims_; }
  FakeImages& images() { return images_; }
  Records& records() { return *records_; }
  const Layout& layout() const { return layout_; }

  cri::RunPodSandboxRequest PodRequest(const std::string& name = "web") const;
  cri::CreateContainerRequest ContainerRequest(const std::string& pod_id, const std::string& name = "app") const;
  // The cgroup_parent of all pods: they share one cgroup unless a test gives them others below it.
  const std::string& cgroup() const { return cgroup_; }
  absl::StatusOr<std::string> RunPod(const std::string& name = "web");
  absl::StatusOr<std::string> CreateContainer(const std::string& pod_id, const std::string& name = "app");

  // Each record agrees with the state of its object, and each object has one; else what does not.
  std::string Contradictions();
  // Stops and removes all pods; the first error.
  absl::Status RemoveAllPods();
  // A removal is in progress.
  bool HasHalfDone() const;
  // All that is left of pods, wherever; empty if nothing is.
  std::string Leftovers();

 private:
  Steps steps_;
  const TestDir dir_;
  const Layout layout_;
  const std::string cgroup_;
  FakeImages images_;
  FakeNetwork network_;
  FakeShims shims_;
  PodObserver* observer_ = nullptr;
  std::string runtime_ = "/bin/true";
  std::unique_ptr<Database> database_;
  std::unique_ptr<Records> records_;
  std::unique_ptr<PodTable> table_;
  std::unique_ptr<PodManager> manager_;
};

}  // namespace crisp
