// EventPublisher: turns changes of pods and containers into container events, each once and in order, whichever thread
// sees a change first.
//
// The kubelet's evented PLEG reads the state of the whole pod from each event and ignores events without the pod's
// status. It takes an event whose container is the pod itself as one of the pause container: DELETED ends the pod.
//
// Threading: all methods from any thread. Events are built and published under one lock, so that all subscribers see
// one order; it is taken before the locks of pods and containers.
#pragma once

#include <map>
#include <string>

#include "api/cri/cri.h"
#include "base/mutex.h"
#include "sandbox/pod_table.h"
#include "sandbox/sandbox_counters.h"

namespace crisp {

class EventHub;

class EventPublisher {
 public:
  // The last event that was published of an object.
  enum class Stage { kNone, kCreated, kStarted, kStopped, kDeleted };

  // Both must outlive the publisher.
  EventPublisher(EventHub* hub, SandboxCounters* counters) : hub_(hub), counters_(counters) {}

  // Nothing is published of an object that clients have not seen.
  void PodCreated(const PodPtr& pod);
  void PodStarted(const PodPtr& pod);
  // Does nothing while the pod is READY.
  void PodStopped(const PodPtr& pod);
  void PodRemoved(const PodPtr& pod);
  void ContainerCreated(const PodPtr& pod, const ContainerPtr& container);
  void ContainerStarted(const PodPtr& pod, const ContainerPtr& container);
  // Does nothing before the container is EXITED. The first call after that logs and counts the exit too.
  void ContainerExited(const PodPtr& pod, const ContainerPtr& container);
  void ContainerRemoved(const PodPtr& pod, const ContainerPtr& container);

  // Sets what an earlier daemon has published of them.
  void Adopt(const Pod& pod);
  void Adopt(const Container& container);

 private:
  // Publishes what is missing up to `target`: STARTED and STOPPED only if the object has been started. Counts a start.
  // False if that was reached before, or clients do not see the object.
  bool Advance(const Pod& pod, const std::string& id, bool visible, bool started, Stage target)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AdvancePod(const Pod& pod, Stage target);
  bool AdvanceContainer(const Pod& pod, const Container& container, Stage target);
  void Publish(const Pod& pod, const std::string& id, cri::ContainerEventType type);

  EventHub* const hub_;
  SandboxCounters* const counters_;
  Mutex mutex_;
  std::map<std::string, Stage> stages_ ABSL_GUARDED_BY(mutex_);  // by id, of what is not DELETED
};

}  // namespace crisp
