#include "network/plan.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

constexpr int kVersion = 1;

bool FitsCniArgs(const std::string& value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    return c == ';' || c == '=' || static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
}

// The arguments that plugins for Kubernetes look for; IgnoreUnknown lets the others pass over them.
absl::StatusOr<std::string> CniArgs(const PodNetworkRequest& request) {
  const std::array<std::pair<const char*, const std::string*>, 4> values = {{
      {"K8S_POD_NAMESPACE", &request.namespace_name},
      {"K8S_POD_NAME", &request.name},
      {"K8S_POD_INFRA_CONTAINER_ID", &request.pod_id},
      {"K8S_POD_UID", &request.uid},
  }};
  std::string args = "IgnoreUnknown=1";
  for (const auto& [key, value] : values) {
    if (!FitsCniArgs(*value)) {
      return absl::InvalidArgumentError(absl::StrCat("network of pod ", Excerpt(request.name), ": \"", Excerpt(*value),
                                                     "\" cannot be handed to CNI plugins as ", key));
    }
    absl::StrAppend(&args, ";", key, "=", *value);
  }
  return args;
}

// The form of the capability "portMappings" (CNI conventions, "Dynamic Plugin specific fields").
Json PortMappings(const std::vector<PortMap>& ports) {
  Json mappings = Json::array();
  for (const PortMap& port : ports) {
    mappings.push_back({{"hostPort", port.host_port},
                        {"containerPort", port.container_port},
                        {"protocol", port.protocol},
                        {"hostIP", port.host_ip}});
  }
  return mappings;
}

// The form of the capability "bandwidth". A burst is what may go by at once; the plugin wants one with each rate, and
// takes no more than this.
Json BandwidthLimits(const Bandwidth& bandwidth) {
  constexpr uint64_t kBurst = UINT32_MAX;
  Json limits = Json::object();
  if (bandwidth.ingress > 0) limits.update({{"ingressRate", bandwidth.ingress}, {"ingressBurst", kBurst}});
  if (bandwidth.egress > 0) limits.update({{"egressRate", bandwidth.egress}, {"egressBurst", kBurst}});
  return limits;
}

Json RuntimeConfig(const PodNetworkRequest& request) {
  Json config = Json::object();
  if (!request.ports.empty()) config["portMappings"] = PortMappings(request.ports);
  if (Json limits = BandwidthLimits(request.bandwidth); !limits.empty()) config["bandwidth"] = std::move(limits);
  return config;
}

absl::Status CheckVersion(const Json& json) {
  if (json.value("version", Json()) == kVersion) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("version ", Excerpt(DumpJson(json.value("version", Json()))), " is not ",
                                          kVersion, ": written by another crisp"));
}

const Json& ObjectAt(const Json& object, const char* key) {
  static const Json* const kEmpty = new Json(Json::object());
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : *kEmpty;
}

const Json& ArrayAt(const Json& object, const char* key) {
  static const Json* const kEmpty = new Json(Json::array());
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : *kEmpty;
}

absl::StatusOr<PlannedNetwork> NetworkFromJson(const Json& json, const CniTarget& shared) {
  if (!json.is_object()) return absl::InternalError("not an object");
  PlannedNetwork network;
  // What the text was read from, a list or a single plugin, was settled when it was planned.
  ASSIGN_OR_RETURN(network.config, ParseCniConfig("plan.conflist", DumpJson(ObjectAt(json, "config"))));
  network.config.file = StringAt(json, "file");
  network.target = shared;
  network.target.ifname = StringAt(json, "ifname");
  if (network.target.ifname.empty()) return absl::InternalError("no ifname");
  return network;
}

CniTarget TargetFromJson(const Json& json) {
  CniTarget target;
  target.container_id = StringAt(json, "containerId");
  target.netns = StringAt(json, "netns");
  target.args = StringAt(json, "args");
  target.runtime_config = ObjectAt(json, "runtimeConfig");
  return target;
}

absl::StatusOr<NetworkPlan> PlanFromJson(const Json& json) {
  RETURN_IF_ERROR(CheckVersion(json));
  NetworkPlan plan;
  for (const Json& dir : ArrayAt(json, "binDirs")) {
    if (dir.is_string()) plan.bin_dirs.push_back(dir);
  }
  const CniTarget target = TargetFromJson(ObjectAt(json, "target"));
  if (target.container_id.empty()) return absl::InternalError("no containerId");
  for (const Json& network : ArrayAt(json, "networks")) {
    ASSIGN_OR_RETURN(PlannedNetwork planned, NetworkFromJson(network, target), "network ", plan.networks.size());
    plan.networks.push_back(std::move(planned));
  }
  if (plan.networks.empty()) return absl::InternalError("no networks");
  return plan;
}

}  // namespace

absl::StatusOr<NetworkPlan> MakePlan(const PodNetworkRequest& request, const std::vector<CniConfigList>& configs,
                                     const std::vector<std::string>& bin_dirs) {
  if (!IsCniName(request.pod_id)) {
    return absl::InvalidArgumentError(absl::StrCat("pod id \"", Excerpt(request.pod_id), "\" is not a CNI name"));
  }
  CniTarget target;
  target.container_id = request.pod_id;
  target.netns = request.netns_path;
  ASSIGN_OR_RETURN(target.args, CniArgs(request));
  target.runtime_config = RuntimeConfig(request);
  NetworkPlan plan;
  plan.bin_dirs = bin_dirs;
  for (const CniConfigList& config : configs) {
    target.ifname = absl::StrCat("eth", plan.networks.size());
    plan.networks.push_back({config, target});
  }
  return plan;
}

std::string PlanToText(const NetworkPlan& plan) {
  Json json = {{"version", kVersion}, {"binDirs", plan.bin_dirs}, {"networks", Json::array()}};
  for (const auto& [config, target] : plan.networks) {
    json["target"] = {{"containerId", target.container_id},
                      {"netns", target.netns},
                      {"args", target.args},
                      {"runtimeConfig", target.runtime_config}};
    json["networks"].push_back({{"file", config.file}, {"ifname", target.ifname}, {"config", config.ToJson()}});
  }
  return DumpJson(json);
}

absl::StatusOr<NetworkPlan> PlanFromText(const std::string& text) {
  ASSIGN_OR_RETURN(const Json json, ParseJsonObject(text), "read the recorded network plan");
  auto plan = PlanFromJson(json);
  RETURN_IF_ERROR(plan, "read the recorded network plan");
  return plan;
}

std::string ResultsToText(const std::vector<Json>& results) {
  return DumpJson({{"version", kVersion}, {"results", results}});
}

absl::StatusOr<std::vector<Json>> ResultsFromText(const std::string& text) {
  if (text.empty()) return std::vector<Json>();
  ASSIGN_OR_RETURN(const Json json, ParseJsonObject(text), "read the recorded network result");
  RETURN_IF_ERROR(CheckVersion(json), "read the recorded network result");
  const Json& results = ArrayAt(json, "results");
  return std::vector<Json>(results.begin(), results.end());
}

}  // namespace crisp
