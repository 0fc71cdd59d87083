// NetworkPlan: everything that ADD and DEL of a pod's network need, fixed when the pod is made. Its text is in the
// pod's record as CniAttachment, so that DEL does not depend on files that may have changed since.
//
//   plan:   {"version": 1, "binDirs": […], "target": {"containerId", "netns", "args", "runtimeConfig"},
//            "networks": [{"file", "ifname", "config": <a conflist>}]}
//   result: {"version": 1, "results": [<the CNI result of each network whose ADD succeeded, in order>]}
//
// A change that an older crisp could misread needs a new version number.
// Plain functions, callable from any thread. Errors are Internal and name the field that cannot be read.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/json.h"
#include "network/cni_chain.h"
#include "network/cni_config.h"
#include "network/pod_network_request.h"

namespace crisp {

struct PlannedNetwork {
  CniConfigList config;
  CniTarget target;
};

struct NetworkPlan {
  std::vector<std::string> bin_dirs;
  std::vector<PlannedNetwork> networks;
};

// The pod's interface is eth0 in the first network, eth1 in the second, and so on. InvalidArgument if a value of
// `request` cannot be passed to plugins: CNI_ARGS cannot quote ';' and '='. `pod_cidrs`: the node's ranges.
//
// The runtimeConfig has what containerd 2.x gives, and ipRanges, as far as a plugin of `configs` declares the
// capability (CNI conventions, "Dynamic Plugin specific fields"; the last two are containerd's):
//   portMappings, bandwidth, dns   of the pod, if it asks for them
//   ipRanges                       each of the node's ranges as a set of its own, if they are known
//   cgroupPath                     the parent of the pod's cgroups, if it has one
//   io.kubernetes.cri.pod-annotations  all of the pod's annotations
absl::StatusOr<NetworkPlan> MakePlan(const PodNetworkRequest& request, const std::vector<CniConfigList>& configs,
                                     const std::vector<std::string>& bin_dirs,
                                     const std::vector<std::string>& pod_cidrs);

// Whether a plugin declares the capability.
bool AnyHas(const std::string& capability, const std::vector<CniConfigList>& configs);

// The ports of the host whose UDP datagrams go to the pod.
std::set<uint16_t> UdpHostPorts(const NetworkPlan& plan);

std::string PlanToText(const NetworkPlan& plan);
absl::StatusOr<NetworkPlan> PlanFromText(const std::string& text);

std::string ResultsToText(const std::vector<Json>& results);
// Empty text has no results.
absl::StatusOr<std::vector<Json>> ResultsFromText(const std::string& text);

}  // namespace crisp
