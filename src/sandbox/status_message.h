// CRI's status messages of pods and containers, made from the objects as they are now. Reads copies and waits for
// nobody.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "api/cri/cri.h"

namespace crisp {

class Container;
class ContainerRecord;
class Pod;

cri::PodSandboxState PodStateMessage(const Pod& pod);
cri::PodSandboxStatus PodStatusMessage(const Pod& pod);
cri::ContainerStatus ContainerStatusMessage(const Container& container);
// Of the visible containers, oldest first.
std::vector<cri::ContainerStatus> ContainerStatusMessages(const Pod& pod);

// The limits that it has now: those of the last update, or of its configuration.
cri::LinuxContainerResources ResourcesOf(const ContainerRecord& record);

// Sorts messages with created_at and id, oldest first, so that a list keeps its order while it grows.
template <typename Item>
void SortByAge(std::vector<Item>* items) {
  std::sort(items->begin(), items->end(), [](const Item& a, const Item& b) {
    return std::pair(a.created_at(), a.id()) < std::pair(b.created_at(), b.id());
  });
}

}  // namespace crisp
