// PodNetwork: the network namespace of a pod and what the CNI plugins do in it.
//
// Threading: all methods from any thread, for one pod one at a time. Errors are those of network/network.h and
// os/netns.h with the step in front.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "base/call_context.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "sandbox/record.pb.h"
#include "store/layout.h"

namespace crisp {

class Network;
class NetworkGarbage;
class Pod;

// When the network of a pod whose plugins are not installed any more is given up: after so many calls of Detach, and so
// long after the first one.
struct DetachPatience {
  int calls = 5;
  std::chrono::nanoseconds time = std::chrono::minutes(5);
};

class PodNetwork {
 public:
  // `network` and `garbage` must outlive the object.
  PodNetwork(Layout layout, Network* network, NetworkGarbage* garbage, DetachPatience patience = {})
      : layout_(std::move(layout)), network_(network), garbage_(garbage), patience_(patience) {}

  // Decides what the plugins will be asked, and puts it into the record, so that Detach knows it whatever happens.
  // Nothing for a pod in the node's network.
  absl::Status Plan(PodRecord* record) const;
  absl::Status CreateNamespace(const PodRecord& record) const;
  // The network namespace of a pod with a user namespace belongs to that, and is made by the OCI runtime with the pause
  // container. Internal if that has ended; then nothing is pinned.
  absl::Status PinNamespaceOfPause(const Pod& pod) const;
  // CNI ADD. The record gets the result, also that of a half that was done before an error, and the addresses.
  absl::Status Attach(Pod* pod, const CallContext& call) const;
  // CNI DEL, and removes the namespace. OK if that was done before. A plugin that fails is called again by the next
  // Detach, without end; but a plugin that is not installed any more must not keep the pod for ever (DetachPatience).
  // What it holds is then left to NetworkGarbage.
  absl::Status Detach(const PodRecord& record, const CallContext& call) const;

 private:
  struct Failures {
    int calls = 0;
    MonoTime first;
  };
  // OK to go on without the plugins; else `error`.
  absl::Status GiveUp(const PodRecord& record, const absl::Status& error) const;

  const Layout layout_;
  Network* const network_;
  NetworkGarbage* const garbage_;
  const DetachPatience patience_;
  mutable Mutex mutex_;
  mutable std::map<std::string, Failures> failures_ ABSL_GUARDED_BY(mutex_);  // by pod; without plugins
};

}  // namespace crisp
