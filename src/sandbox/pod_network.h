// PodNetwork: the network namespace of a pod and what the CNI plugins do in it.
//
// Threading: all methods from any thread, for one pod one at a time. Errors are those of network/network.h and
// os/netns.h with the step in front.
#pragma once

#include "absl/status/status.h"
#include "base/call_context.h"
#include "sandbox/record.pb.h"
#include "store/layout.h"

namespace crisp {

class Network;
class Pod;

class PodNetwork {
 public:
  // `network` must outlive the object.
  PodNetwork(Layout layout, Network* network) : layout_(std::move(layout)), network_(network) {}

  // Decides what the plugins will be asked, and puts it into the record, so that Detach knows it whatever happens.
  // Nothing for a pod in the node's network.
  absl::Status Plan(PodRecord* record) const;
  absl::Status CreateNamespace(const PodRecord& record) const;
  // The network namespace of a pod with a user namespace belongs to that, and is made by the OCI runtime with the pause
  // container. Internal if that has ended; then nothing is pinned.
  absl::Status PinNamespaceOfPause(const Pod& pod) const;
  // CNI ADD. The record gets the result, also that of a half that was done before an error, and the addresses.
  absl::Status Attach(Pod* pod, const CallContext& call) const;
  // CNI DEL, and removes the namespace. OK if that was done before.
  absl::Status Detach(const PodRecord& record, const CallContext& call) const;

 private:
  const Layout layout_;
  Network* const network_;
};

}  // namespace crisp
