#include "sandbox/testing/fake_node.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/call_context.h"
#include "base/status_macros.h"
#include "base/testing/wait.h"
#include "os/cgroup.h"
#include "os/file.h"
#include "os/testing/mount_namespace.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/sandbox_options.h"

namespace crisp {
namespace {

std::string EnteredMountNamespace(const std::string& path) {
  EnterMountNamespace();
  return path;
}

}  // namespace

FakeNode::FakeNode()
    : layout_(EnteredMountNamespace(dir_.path()) + "/root", dir_.path() + "/state", /*netns_under_state=*/true),
      cgroup_(absl::StrCat("/crisp-unit-", getpid())),
      images_(layout_, &steps_),
      network_(&steps_),
      shims_(&steps_) {
  for (const std::string& path : {layout_.root(), layout_.Pods(), layout_.Containers(), layout_.NetnsDir()}) {
    EXPECT_TRUE(MakeDirs(path, 0711).ok());
  }
  database_ = *Database::Open(layout_.Database());
  records_ = std::make_unique<Records>(database_.get(), layout_);
}

FakeNode::~FakeNode() {
  steps_.Heal();
  EXPECT_TRUE(database_->Query("PRAGMA query_only = 0", [](const Row&) {}).ok());
  if (manager_ != nullptr) {
    EXPECT_EQ(RemoveAllPods(), absl::OkStatus());
  }
  manager_.reset();
  const auto dirs = ContainerCgroups(cgroup_, /*systemd=*/false);
  EXPECT_EQ(RemoveCgroups(*dirs), absl::OkStatus());
}

absl::Status FakeNode::StartDaemon() {
  RETURN_IF_ERROR(StartDaemonAtOnce([] {}));
  // What cannot be finished stays as it is, and the test judges it.
  constexpr std::chrono::seconds kLimit{5};
  (void)Eventually([this] { return !HasHalfDone() && Contradictions().empty(); }, kLimit);
  return absl::OkStatus();
}

bool FakeNode::HasHalfDone() const {
  for (const PodPtr& pod : table_->All()) {
    if (pod->state() == Pod::State::kUndoing || pod->state() == Pod::State::kRemoving) return true;
    for (const ContainerPtr& container : pod->containers.All()) {
      const Container::State state = container->state();
      if (state == Container::State::kAborted || state == Container::State::kRemoving) return true;
    }
  }
  return false;
}

absl::Status FakeNode::StartDaemonAtOnce(const std::function<void()>& before) {
  manager_.reset();
  steps_.Heal();
  RETURN_IF_ERROR(database_->Query("PRAGMA query_only = 0", [](const Row&) {}));
  table_ = std::make_unique<PodTable>();
  SandboxOptions options;
  options.runtimes["runc"] = {runtime_, layout_.RuntimeRoot("runc"), false, false, false};
  options.default_runtime = "runc";
  options.sandbox_image = "pause";
  options.shim_program = "/nowhere/crisp-shim";
  before();
  ASSIGN_OR_RETURN(manager_,
                   PodManager::Open({layout_, table_.get(), database_.get(), &images_, &network_, &shims_, observer_},
                                    std::move(options)));
  return absl::OkStatus();
}

void FakeNode::KillDaemon() {
  steps_.FailAll();
  EXPECT_TRUE(database_->Query("PRAGMA query_only = 1", [](const Row&) {}).ok());
}

cri::RunPodSandboxRequest FakeNode::PodRequest(const std::string& name) const {
  cri::RunPodSandboxRequest request;
  cri::PodSandboxConfig& config = *request.mutable_config();
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_namespace_("default");
  config.mutable_metadata()->set_uid("uid-" + name);
  config.mutable_linux()->set_cgroup_parent(cgroup_);
  return request;
}

cri::CreateContainerRequest FakeNode::ContainerRequest(const std::string& pod_id, const std::string& name) const {
  cri::CreateContainerRequest request;
  request.set_pod_sandbox_id(pod_id);
  request.mutable_config()->mutable_metadata()->set_name(name);
  request.mutable_config()->mutable_image()->set_image("image");
  return request;
}

absl::StatusOr<std::string> FakeNode::RunPod(const std::string& name) {
  return manager_->RunPod(PodRequest(name), InTime());
}

absl::StatusOr<std::string> FakeNode::CreateContainer(const std::string& pod_id, const std::string& name) {
  return manager_->CreateContainer(ContainerRequest(pod_id, name), InTime());
}

std::string FakeNode::Contradictions() {
  std::string found;
  std::map<std::string, Phase> rows;
  const auto pods = records_->Pods();
  const auto containers = records_->Containers();
  for (const StoredPod& pod : *pods) rows[pod.record.id()] = pod.phase;
  for (const StoredContainer& container : *containers) rows[container.record.id()] = container.phase;
  const auto check = [&](const std::string& id, Phase phase) {
    const auto row = rows.find(id);
    if (row == rows.end()) return absl::StrAppend(&found, id, " has no row\n");
    if (row->second != phase)
      absl::StrAppend(&found, id, " is recorded in phase ", static_cast<int>(row->second), "\n");
    rows.erase(row);
  };
  for (const PodPtr& pod : table_->All()) {
    check(pod->id(), PhaseOf(pod->state()));
    for (const ContainerPtr& container : pod->containers.All()) {
      check(container->id(), PhaseOf(container->state()));
    }
  }
  for (const auto& [id, phase] : rows) absl::StrAppend(&found, "row ", id, " has no object\n");
  return found;
}

absl::Status FakeNode::RemoveAllPods() {
  for (const PodPtr& pod : table_->All()) {
    RETURN_IF_ERROR(manager_->StopPod(pod->id(), InTime()));
    RETURN_IF_ERROR(manager_->RemovePod(pod->id(), InTime()));
  }
  return absl::OkStatus();
}

std::string FakeNode::Leftovers() {
  std::string left = shims_.Leftovers();
  for (const std::string& id : images_.mounted()) absl::StrAppend(&left, "rootfs ", id, "\n");
  for (const std::string& plan : network_.attached()) absl::StrAppend(&left, "network ", plan, "\n");
  for (const std::string& directory : {layout_.Pods(), layout_.Containers(), layout_.NetnsDir()}) {
    const auto names = ListDir(directory);
    for (const std::string& name : *names) absl::StrAppend(&left, directory, "/", name, "\n");
  }
  const auto pods = records_->Pods();
  const auto containers = records_->Containers();
  for (const StoredPod& pod : *pods) absl::StrAppend(&left, "row ", pod.record.id(), "\n");
  for (const StoredContainer& one : *containers) absl::StrAppend(&left, "row ", one.record.id(), "\n");
  const std::string mounts = *ReadFileAt(AT_FDCWD, "/proc/self/mountinfo", 1 << 20);
  for (const absl::string_view line : absl::StrSplit(mounts, '\n')) {
    if (absl::StrContains(line, layout_.state())) absl::StrAppend(&left, "mount ", line, "\n");
  }
  for (const PodPtr& pod : table_->All()) absl::StrAppend(&left, "pod ", pod->id(), " in the table\n");
  return left;
}

}  // namespace crisp
