// PodNetworkRequest: the input for the network of one pod.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace crisp {

struct PortMap {
  std::string protocol;  // "tcp", "udp" or "sctp"
  int container_port = 0;
  int host_port = 0;
  std::string host_ip;  // empty: all
};

// Limits of a pod's traffic in bits per second; 0: no limit.
struct Bandwidth {
  uint64_t ingress = 0;
  uint64_t egress = 0;
};

// The pod's resolv.conf(5).
struct PodDns {
  std::vector<std::string> servers{};
  std::vector<std::string> searches{};
  std::vector<std::string> options{};
};

struct PodNetworkRequest {
  std::string pod_id;
  std::string name;
  std::string namespace_name;
  std::string uid;
  std::string netns_path;
  std::vector<PortMap> ports;  // only those with a host port
  Bandwidth bandwidth{};
  std::string handler{};  // of the runtime, as in the request of the pod; it may have networks of its own
  std::optional<PodDns> dns{};
  std::string cgroup_parent{};
  std::map<std::string, std::string> annotations{};
};

}  // namespace crisp
