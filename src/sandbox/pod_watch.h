// PodWatch: what happens when a process of a pod or its shim ends.
//
// Threading: called by pods on the reactor's thread. Work that takes time runs in the background; the destructor waits
// for it, so every shim connection must be closed before.
#pragma once

#include <memory>
#include <string>

#include "base/background.h"
#include "sandbox/pod.h"

namespace crisp {

class EventPublisher;
class PodTable;
struct SandboxCounters;
class ShimStopper;

class PodWatch : public PodListener {
 public:
  // All pointers must outlive the object.
  PodWatch(const PodTable* table, EventPublisher* events, const ShimStopper* shim_stopper, SandboxCounters* counters)
      : table_(table), events_(events), shim_stopper_(shim_stopper), counters_(counters) {}

  void OnContainerExited(const std::string& pod_id, const std::shared_ptr<Container>& container) override;
  void OnOomKill(const std::string& pod_id, const std::shared_ptr<Container>& container, uint64_t kills) override;
  void OnLogLoss(const std::string& pod_id, const std::shared_ptr<Container>& container, const LogLoss& loss) override;
  void OnPauseExited(const std::string& pod_id, const ContainerExit& exit) override;
  void OnShimDied(const std::string& pod_id) override;

 private:
  const PodTable* const table_;
  EventPublisher* const events_;
  const ShimStopper* const shim_stopper_;
  SandboxCounters* const counters_;
  Background background_;
};

}  // namespace crisp
