// Network: pods' network namespaces and the CNI plugins that fill them (CNI spec 1.0.0; results of 0.3.0 and later).
//
// A pod's namespace is made and removed by CreateNetns and RemoveNetns (os/netns.h); Detach comes before RemoveNetns.
//
// Threading: all methods from any thread, for one pod one at a time. Attach and Detach run plugins and may take
// seconds;
//   the rest reads conf_dir where it has changed, and otherwise does not block.
// Errors: Internal, naming the plugin, its configuration file and what it said; DeadlineExceeded or Cancelled where the
//   call ended before a plugin did. From Plan, FailedPrecondition while no configuration is loaded, and InvalidArgument
//   for a request that cannot be handed to plugins.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call.h"
#include "network/pod_network_request.h"
#include "os/netns.h"

namespace crisp {

struct CniOptions {
  std::vector<std::string> bin_dirs;
  std::string conf_dir;
  int max_conf_num = 1;  // how many networks a pod gets: the first files by name. 0: all
};

// What Detach needs, kept in the pod's record from before the first plugin runs. Text (JSON), opaque to others.
struct CniAttachment {
  std::string plan;    // the configurations as they were, and the request
  std::string result;  // what ADD returned; empty until then
};

struct PodAddresses {
  std::string ip;  // the one the kubelet shows
  std::vector<std::string> additional_ips;
};

class Network {
 public:
  // Watches conf_dir, and every directory on the way to it for the case that it comes later (os/dir_watch.h). The
  // kernel keeps what has changed until Ready, Plan or Describe next ask, so that each answers with the files of that
  // moment and nobody wakes in between. InvalidArgument for directories that are not absolute.
  static absl::StatusOr<std::unique_ptr<Network>> Start(CniOptions options);
  virtual ~Network() = default;

  // OK once a configuration is loaded and its plugins are installed; else FailedPrecondition with why not and what to
  // do, for the NetworkReady condition.
  virtual absl::Status Ready() = 0;

  // What would be done for `request` with the configuration of now.
  virtual absl::StatusOr<CniAttachment> Plan(const PodNetworkRequest& request) = 0;
  // Loopback up, then ADD of every plugin of every network in order: eth0, eth1 and so on in the pod. Fills
  // attachment->result, also with what was done before an error. After an error the caller calls Detach, which cleans
  // up what half of an ADD has done. The addresses are those of the first network, the one that Kubernetes knows: an
  // address of a second one, shown, would be taken for the pod's own of that family.
  virtual absl::StatusOr<PodAddresses> Attach(CniAttachment* attachment, const Call& call) = 0;
  // DEL of every plugin in reverse order, all of them even if one fails, with the configurations of the plan. OK if
  // done before, or the namespace is gone. The time of `call` is shared out, so that one that hangs does not keep the
  // others from their work.
  virtual absl::Status Detach(const CniAttachment& attachment, const Call& call) = 0;
  // For Status(verbose): the configurations loaded, as JSON text.
  virtual std::string Describe() = 0;
};

}  // namespace crisp
