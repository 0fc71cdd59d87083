// Pods and containers as CRI's status messages show them, and what the lists filter by.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "api/cri/cri.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"

namespace crisp {

cri::ContainerStatus StatusOf(const Container& container);
cri::PodSandboxStatus StatusOf(const Pod& pod);
// Of the containers that can be seen, oldest first.
std::vector<cri::ContainerStatus> ContainerStatusesOf(const Pod& pod);

// The limits that it has now: those of its configuration, or of the last update.
cri::LinuxContainerResources ResourcesOf(const ContainerRecord& record);

// True if all of `selector` are among `labels`.
bool HasLabels(const google::protobuf::Map<std::string, std::string>& labels,
               const google::protobuf::Map<std::string, std::string>& selector);

// Oldest first, so that a list keeps its order while it grows.
template <typename Item>
void SortByAge(std::vector<Item>* items) {
  std::sort(items->begin(), items->end(), [](const Item& a, const Item& b) {
    return std::pair(a.created_at(), a.id()) < std::pair(b.created_at(), b.id());
  });
}

}  // namespace crisp
