// The plan of a pod's network: all that ADD and DEL need, as it was when the pod was made. It is the text that
// CniAttachment keeps in the pod's record, so that DEL is right whatever has happened to the files since.
//
//   plan:   {"version": 1, "binDirs": […], "target": {"containerId", "netns", "args", "runtimeConfig"},
//            "networks": [{"file", "ifname", "config": <a conflist>}]}
//   result: {"version": 1, "results": [<the CNI result of each network whose ADD has ended well, in order>]}
//
// A change that an older crisp could misread gets a new version number. Errors: Internal, naming what cannot be read.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "network/cni_chain.h"
#include "network/cni_config.h"
#include "network/json.h"
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

// eth0 in the first network, eth1 in the second, and so on. InvalidArgument where a value of `request` cannot be
// handed to plugins: CNI_ARGS has no way to quote ';' and '='.
absl::StatusOr<NetworkPlan> MakePlan(const PodNetworkRequest& request, const std::vector<CniConfigList>& configs,
                                     const std::vector<std::string>& bin_dirs);

std::string PlanToText(const NetworkPlan& plan);
absl::StatusOr<NetworkPlan> PlanFromText(const std::string& text);

std::string ResultsToText(const std::vector<Json>& results);
// Empty text: no results.
absl::StatusOr<std::vector<Json>> ResultsFromText(const std::string& text);

}  // namespace crisp
