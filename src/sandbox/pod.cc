#include "sandbox/pod.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sandbox/pod_cgroup.h"

namespace crisp {

PodRecord Pod::record() const {
  MutexLock lock(mutex_);
  return record_;
}

void Pod::set_record(PodRecord record) {
  MutexLock lock(mutex_);
  record_ = std::move(record);
}

std::string Pod::cgroup_name() const {
  MutexLock lock(mutex_);
  return PodCgroupName(record_, runtime_.systemd_cgroup);
}

bool Pod::created() const {
  MutexLock lock(mutex_);
  return created_;
}

bool Pod::set_ready() {
  MutexLock lock(mutex_);
  if (ended_) return false;
  created_ = true;
  ready_ = true;
  return true;
}

void Pod::set_not_ready() {
  MutexLock lock(mutex_);
  ready_ = false;
}

void Pod::set_created_not_ready() {
  MutexLock lock(mutex_);
  created_ = true;
  ready_ = false;
}

bool Pod::ready() const {
  MutexLock lock(mutex_);
  return ready_;
}

void Pod::set_half_made() {
  MutexLock lock(mutex_);
  half_made_ = true;
}

bool Pod::half_made() const {
  MutexLock lock(mutex_);
  return half_made_;
}

bool Pod::stopped() const {
  MutexLock lock(mutex_);
  return stopped_;
}

void Pod::set_stopped() {
  MutexLock lock(mutex_);
  stopped_ = true;
}

pid_t Pod::pause_pid() const {
  MutexLock lock(mutex_);
  return pause_pid_;
}

void Pod::set_pause_pid(pid_t pid) {
  MutexLock lock(mutex_);
  if (!ended_) pause_pid_ = pid;
}

std::shared_ptr<Shim> Pod::shim() const {
  MutexLock lock(mutex_);
  return shim_;
}

void Pod::set_shim(std::shared_ptr<Shim> shim) {
  MutexLock lock(mutex_);
  shim_ = std::move(shim);
}

// The last reference may close the connection, which waits for a callback at work: not under the lock.
void Pod::ForgetShim() {
  std::shared_ptr<Shim> shim;
  MutexLock lock(mutex_);
  shim.swap(shim_);
}

absl::Status Pod::AddContainer(std::shared_ptr<Container> container) {
  MutexLock lock(mutex_);
  if (!ready_) return absl::FailedPreconditionError(absl::StrCat("pod ", id_, " is not ready"));
  containers_[container->id()] = std::move(container);
  return absl::OkStatus();
}

void Pod::AdoptContainer(std::shared_ptr<Container> container) {
  MutexLock lock(mutex_);
  containers_[container->id()] = std::move(container);
}

void Pod::ForgetContainer(const std::string& id) {
  MutexLock lock(mutex_);
  containers_.erase(id);
}

bool Pod::has(const std::string& container_id) const {
  MutexLock lock(mutex_);
  return containers_.count(container_id) != 0;
}

std::vector<std::shared_ptr<Container>> Pod::containers() const {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<Container>> all;
  all.reserve(containers_.size());
  for (const auto& [id, container] : containers_) all.push_back(container);
  return all;
}

void Pod::OnExit(absl::string_view container_id, const ContainerExit& exit) {
  std::shared_ptr<Container> container;
  {
    MutexLock lock(mutex_);
    if (container_id == id_) {
      ended_ = true;
      ready_ = false;
      pause_pid_ = -1;
    } else {
      const auto found = containers_.find(std::string(container_id));
      if (found == containers_.end()) return;
      container = found->second;
    }
  }
  if (container != nullptr) container->Exited(exit);
  hooks_.exited(container);
}

void Pod::OnShimGone() {
  {
    MutexLock lock(mutex_);
    ended_ = true;
    ready_ = false;
    pause_pid_ = -1;
  }
  hooks_.shim_died();
}

}  // namespace crisp
