#include "sandbox/pod_table.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"

namespace crisp {
namespace {

bool SameName(const cri::PodSandboxMetadata& a, const cri::PodSandboxMetadata& b) {
  return a.name() == b.name() && a.namespace_() == b.namespace_() && a.uid() == b.uid() && a.attempt() == b.attempt();
}

}  // namespace

absl::StatusOr<PodPtr> PodTable::FindPod(const std::string& id) const {
  if (id.empty()) return absl::InvalidArgumentError("field pod_sandbox_id: must not be empty");
  MutexLock lock(mutex_);
  PodPtr found;
  for (auto it = pods_.lower_bound(id); it != pods_.end() && absl::StartsWith(it->first, id); ++it) {
    if (!it->second->visible()) continue;
    if (found != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("field pod_sandbox_id: several pods have ids that begin with ", id));
    }
    found = it->second;
  }
  if (found == nullptr) return absl::NotFoundError(absl::StrCat("pod ", id, " is not known"));
  return found;
}

absl::StatusOr<PodContainer> PodTable::FindContainer(const std::string& id) const {
  if (id.empty()) return absl::InvalidArgumentError("field container_id: must not be empty");
  PodContainer found;
  for (const PodPtr& pod : All()) {
    for (const ContainerPtr& container : pod->containers.All()) {
      if (!absl::StartsWith(container->id(), id) || !container->visible()) continue;
      if (found.container != nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat("field container_id: several containers have ids that begin with ", id));
      }
      found = {pod, container};
    }
  }
  if (found.container == nullptr) return absl::NotFoundError(absl::StrCat("container ", id, " is not known"));
  return found;
}

PodPtr PodTable::ById(const std::string& id) const {
  MutexLock lock(mutex_);
  const auto found = pods_.find(id);
  return found == pods_.end() ? nullptr : found->second;
}

PodPtr PodTable::ByName(const cri::PodSandboxMetadata& name) const {
  for (const PodPtr& pod : All()) {
    bool same = false;
    pod->WithRecord([&](const PodRecord& record) { same = SameName(record.config().metadata(), name); });
    if (same) return pod;
  }
  return nullptr;
}

std::vector<PodPtr> PodTable::All() const {
  MutexLock lock(mutex_);
  std::vector<PodPtr> pods;
  pods.reserve(pods_.size());
  for (const auto& [id, pod] : pods_) pods.push_back(pod);
  return pods;
}

void PodTable::Add(PodPtr pod) {
  MutexLock lock(mutex_);
  const std::string& id = pod->id();
  pods_[id] = std::move(pod);
}

void PodTable::Remove(const std::string& id) {
  MutexLock lock(mutex_);
  pods_.erase(id);
}

}  // namespace crisp
