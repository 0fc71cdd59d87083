// Network: pods' network namespaces and the CNI plugins that fill them (CNI spec 1.1.0; results of 0.3.0 and later).
//
// A pod's namespace is made and removed by CreateNetns and RemoveNetns (os/netns.h); Detach comes before RemoveNetns.
//
// Threading: thread-safe, but only one call at a time may work on a pod. Attach, Detach and CollectGarbage run plugins
// and may take seconds. The other methods read conf_dir if it has changed, and do not block otherwise. Errors:
// Internal, naming the plugin, its configuration file and its message; DeadlineExceeded or Cancelled if the call ended
// first. Of Plan, FailedPrecondition while no configuration is loaded, and InvalidArgument for a request that cannot be
// passed to plugins.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "base/reloadable.h"
#include "network/cni_options.h"
#include "network/network_counters.h"
#include "network/pod_network_request.h"
#include "os/netns.h"

namespace crisp {

// What Detach needs. It is in the pod's record before the first plugin runs. JSON text, opaque to other rooms.
struct CniAttachment {
  std::string plan;    // the configurations and the request when the pod was made
  std::string result;  // the results of ADD; empty before
};

struct PodAddresses {
  std::string ip;  // the address that the kubelet shows
  std::vector<std::string> additional_ips;
};

// What a plugin of a pod's network says to CHECK.
struct PluginCheck {
  std::string file;      // of the network's configuration, without directory
  std::string plugin{};  // its type; empty: the network is not checked, and `status` says why
  absl::Status status;
};

class Network {
 public:
  // Watches conf_dir and its parent directories, because it may be created later (os/dir_watch.h). The kernel queues
  // changes until the next call of Ready, Plan or Describe, which reads them, so no thread wakes up in between.
  // InvalidArgument for directories that are not absolute.
  static absl::StatusOr<std::unique_ptr<Network>> Start(CniOptions options);
  virtual ~Network() = default;

  // Other options, for the pods whose network is planned from the commit on. `pod_cidrs_file` must be as before.
  virtual absl::StatusOr<Commit> Prepare(CniOptions options) = 0;

  // For the NetworkReady condition: OK once a configuration of conf_dir is loaded, its plugins are installed, and,
  // where it has version 1.1.0, they answer STATUS with success (plugin_status.h). Else FailedPrecondition with the
  // reason and what to do. Waits for plugins for half a second at most.
  virtual absl::Status Ready() = 0;

  // The kubelet tells the node's ranges of pod addresses, "10.1.2.0/24,fd00:1::/64". Plugins with the capability
  // ipRanges get them (plan.h); the kubelet tells them once, so the next daemon reads them (pod_cidrs.h). Where
  // conf_dir has no valid configuration and a template is set, one is written (generated_conf.h). OK for an empty text;
  // InvalidArgument for what are no ranges; Internal for a template that cannot be used, or a directory that cannot be
  // written to.
  virtual absl::Status SetPodCidrs(const std::string& pod_cidrs) = 0;

  // The plan for `request` with the current configuration of its handler.
  virtual absl::StatusOr<CniAttachment> Plan(const PodNetworkRequest& request) = 0;
  // Loopback up, then ADD of every plugin of every network in order: eth0, eth1 and so on in the pod. Sets
  // attachment->result, also to the results before an error. After an error the caller calls Detach to clean up.
  // Returns the addresses of the first network only, the one that Kubernetes knows: the kubelet would take an address
  // of another network for the pod's.
  virtual absl::StatusOr<PodAddresses> Attach(CniAttachment* attachment, const CallContext& call) = 0;
  // DEL of every plugin in reverse order, all of them even if one fails, with the configurations of the plan. OK if it
  // was done before or the namespace is gone. The time of `call` is divided among the plugins, so one that hangs does
  // not use up the time of the others. Then the kernel's entries of UDP flows to the pod's host ports are deleted
  // (os/conntrack.h), which may fail with a warning.
  virtual absl::Status Detach(const CniAttachment& attachment, const CallContext& call) = 0;
  // CHECK of every plugin in order, with the configurations of the plan, all of them even if one fails: whether the
  // pod's network is still as ADD has made it. Changes nothing. In networks that have CHECK (CNI 0.4.0 and later, and
  // no disableCheck). The time of `call` is divided among the plugins.
  virtual absl::StatusOr<std::vector<PluginCheck>> Check(const CniAttachment& attachment, const CallContext& call) = 0;
  // CNI GC in every loaded network that has it (spec 1.1.0): the plugins release what they hold for pods without a plan
  // in `valid`. No Attach and Detach runs meanwhile, and `valid` is called when none does. NotFound if no loaded
  // network has it.
  virtual absl::Status CollectGarbage(absl::FunctionRef<std::vector<std::string>()> valid, const CallContext& call) = 0;
  // False if a plugin of the plan is not installed, so that Detach cannot succeed. True for a plan that is damaged.
  virtual bool PluginsInstalled(const CniAttachment& attachment) = 0;
  // The loaded configurations as JSON text, for Status(verbose).
  virtual std::string Describe() = 0;
  virtual const NetworkCounters& counters() const = 0;
};

}  // namespace crisp
