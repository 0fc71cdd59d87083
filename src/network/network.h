// Network: pods' network namespaces and the CNI plugins that fill them (CNI spec 1.0.0; results of 0.3.0 and later).
//
// Threading: all methods from any thread. Attach and Detach run plugins and may take seconds; the rest does not block.
// Errors: Internal, naming the plugin and what it said; FailedPrecondition from Plan while no configuration is loaded.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call.h"

namespace crisp {

class Reactor;

struct CniOptions {
  std::vector<std::string> bin_dirs;
  std::string conf_dir;
  int max_conf_num = 1;  // how many networks a pod gets: the first files by name. 0: all
};

struct PortMap {
  std::string protocol;  // "tcp", "udp" or "sctp"
  int container_port = 0;
  int host_port = 0;
  std::string host_ip;  // empty: all
};

struct PodNetworkRequest {
  std::string pod_id;
  std::string name;
  std::string namespace_name;
  std::string uid;
  std::string netns_path;
  std::vector<PortMap> ports;  // those with a host port
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
  // Loads conf_dir and watches it, and its parent for the case that it comes later (inotify), on `reactor`'s thread.
  static absl::StatusOr<std::unique_ptr<Network>> Start(Reactor& reactor, CniOptions options);
  virtual ~Network() = default;

  // OK once a configuration is loaded; else why not and what to do, for the NetworkReady condition. Looks at the
  // directory again by itself when nothing is loaded.
  virtual absl::Status Ready() = 0;

  // What would be done for `request` with the configuration of now.
  virtual absl::StatusOr<CniAttachment> Plan(const PodNetworkRequest& request) = 0;
  // Loopback up, then ADD of every plugin of every network in order. Fills attachment->result. After an error the
  // caller calls Detach, which also cleans up what half of an ADD has done.
  virtual absl::StatusOr<PodAddresses> Attach(CniAttachment* attachment, const Call& call) = 0;
  // DEL of every plugin in reverse order, all of them even if one fails. OK if done before, or the namespace is gone.
  virtual absl::Status Detach(const CniAttachment& attachment, const Call& call) = 0;
  // For Status(verbose): the configurations loaded, as JSON text.
  virtual std::string Describe() = 0;
};

// A network namespace that lives as long as the file it is pinned to (a bind mount of nsfs).
absl::Status CreateNetns(const std::string& path);
// OK if it is not there.
absl::Status RemoveNetns(const std::string& path);

}  // namespace crisp
