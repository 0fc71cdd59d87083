// MadePods: a table of pods and containers in any state, for tests of what clients see of them. They are objects only:
// nothing of them is on the node.
#pragma once

#include <memory>
#include <string>

#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/pod_table.h"

namespace crisp {

class MadePods {
 public:
  PodTable* table() { return &table_; }
  const PodTable* table() const { return &table_; }

  // Its name is "pod-ID". `created_at` is in wall-clock nanoseconds.
  PodPtr AddPod(const std::string& id, int64_t created_at = 1, Pod::State state = Pod::State::kReady) {
    PodRecord record;
    record.set_id(id);
    record.set_created_at(created_at);
    record.mutable_config()->mutable_metadata()->set_name("pod-" + id);
    auto pod = std::make_shared<Pod>(std::move(record), OciRuntime{"/usr/bin/runc", "", false, false, false},
                                     /*listener=*/nullptr, state);
    table_.Add(pod);
    return pod;
  }

  // Its name is "container-ID".
  ContainerPtr AddContainer(const PodPtr& pod, const std::string& id, int64_t created_at = 1,
                            Container::State state = Container::State::kRunning, pid_t pid = kPid) {
    const bool started = state == Container::State::kRunning || state == Container::State::kExited;
    ContainerRecord record;
    record.set_id(id);
    record.set_pod_id(pod->id());
    record.set_created_at(created_at);
    record.mutable_config()->mutable_metadata()->set_name("container-" + id);
    auto container = std::make_shared<Container>(std::move(record), started ? Container::State::kStarting : state);
    if (started) container->Start({pid, kStartedAt});
    if (state == Container::State::kExited) container->Exit({3, kFinishedAt, false});
    pod->containers.Add(id, container);
    return container;
  }

  static constexpr pid_t kPid = 4242;
  static constexpr int64_t kStartedAt = 1000;
  static constexpr int64_t kFinishedAt = 2000;  // of those that have exited, with code 3

 private:
  PodTable table_;
};

inline void Label(const PodPtr& pod, const std::string& key, const std::string& value) {
  pod->UpdateRecord([&](PodRecord* record) { (*record->mutable_config()->mutable_labels())[key] = value; });
}

inline void Label(const ContainerPtr& container, const std::string& key, const std::string& value) {
  container->UpdateRecord([&](ContainerRecord* record) { (*record->mutable_config()->mutable_labels())[key] = value; });
}

}  // namespace crisp
