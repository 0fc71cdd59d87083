#include "network/plan.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/excerpt.h"
#include "base/json_reader.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

constexpr uint64_t kVersion = 1;

bool FitsCniArgs(const std::string& value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    return c == ';' || c == '=' || static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
}

// The arguments that Kubernetes plugins read. IgnoreUnknown makes the others ignore them.
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
                                                     "\" cannot be passed to CNI plugins as ", key));
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

// The form of the capability "bandwidth". The plugin requires a burst with each rate, and this is its maximum.
Json BandwidthLimits(const Bandwidth& bandwidth) {
  constexpr uint64_t kBurst = UINT32_MAX;
  Json limits = Json::object();
  if (bandwidth.ingress > 0) limits.update({{"ingressRate", bandwidth.ingress}, {"ingressBurst", kBurst}});
  if (bandwidth.egress > 0) limits.update({{"egressRate", bandwidth.egress}, {"egressBurst", kBurst}});
  return limits;
}

// The form of the capability "ipRanges": a list of sets, from each of which the pod gets an address.
Json IpRanges(const std::vector<std::string>& pod_cidrs) {
  Json sets = Json::array();
  for (const std::string& cidr : pod_cidrs) sets.push_back(Json::array({{{"subnet", cidr}}}));
  return sets;
}

Json RuntimeConfig(const PodNetworkRequest& request, const std::vector<CniConfigList>& configs,
                   const std::vector<std::string>& pod_cidrs) {
  Json config = Json::object();
  const auto add = [&](const char* capability, Json value) {
    if (AnyHas(capability, configs)) config[capability] = std::move(value);
  };
  if (!request.ports.empty()) add("portMappings", PortMappings(request.ports));
  if (Json limits = BandwidthLimits(request.bandwidth); !limits.empty()) add("bandwidth", std::move(limits));
  if (!pod_cidrs.empty()) add("ipRanges", IpRanges(pod_cidrs));
  if (const auto& dns = request.dns; dns.has_value()) {
    add("dns", {{"servers", dns->servers}, {"searches", dns->searches}, {"options", dns->options}});
  }
  if (!request.cgroup_parent.empty()) add("cgroupPath", request.cgroup_parent);
  add("io.kubernetes.cri.pod-annotations", request.annotations);
  return config;
}

absl::Status CheckVersion(const JsonReader& json) {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> version, json.Unsigned("version"));
  if (!version.has_value()) return json.Missing("version");
  if (*version == kVersion) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("version ", *version, " is not ", kVersion, ": written by another crisp"));
}

// A string that must be there and not be empty.
absl::StatusOr<std::string> RequiredString(const JsonReader& json, const char* key) {
  ASSIGN_OR_RETURN(std::string text, json.String(key));
  if (text.empty()) return json.Missing(key);
  return text;
}

absl::StatusOr<JsonReader> RequiredObject(const JsonReader& json, const char* key) {
  ASSIGN_OR_RETURN(const std::optional<JsonReader> object, json.Object(key));
  if (!object.has_value()) return json.Missing(key);
  return *object;
}

absl::StatusOr<PlannedNetwork> ReadNetwork(const JsonReader& json, const CniTarget& shared) {
  PlannedNetwork network;
  ASSIGN_OR_RETURN(const JsonReader config, RequiredObject(json, "config"));
  // A plan always has a list, even if the file had a single plugin.
  ASSIGN_OR_RETURN(network.config, ParseCniConfig("plan.conflist", DumpJson(config.json())), config.path());
  ASSIGN_OR_RETURN(network.config.file, json.String("file"));
  network.target = shared;
  ASSIGN_OR_RETURN(network.target.ifname, RequiredString(json, "ifname"));
  return network;
}

absl::StatusOr<CniTarget> ReadTarget(const JsonReader& plan) {
  ASSIGN_OR_RETURN(const JsonReader json, RequiredObject(plan, "target"));
  CniTarget target;
  ASSIGN_OR_RETURN(target.container_id, RequiredString(json, "containerId"));
  ASSIGN_OR_RETURN(target.netns, json.String("netns"));
  ASSIGN_OR_RETURN(target.args, json.String("args"));
  ASSIGN_OR_RETURN(const JsonReader runtime_config, RequiredObject(json, "runtimeConfig"));
  target.runtime_config = runtime_config.json();
  return target;
}

absl::StatusOr<NetworkPlan> ReadPlan(const std::string& text) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(text));
  const JsonReader json = document.root();
  RETURN_IF_ERROR(CheckVersion(json));
  NetworkPlan plan;
  ASSIGN_OR_RETURN(plan.bin_dirs, json.Strings("binDirs"));
  ASSIGN_OR_RETURN(const CniTarget target, ReadTarget(json));
  ASSIGN_OR_RETURN(const std::vector<JsonReader> networks, json.Objects("networks"));
  for (const JsonReader& network : networks) {
    ASSIGN_OR_RETURN(PlannedNetwork planned, ReadNetwork(network, target));
    plan.networks.push_back(std::move(planned));
  }
  if (plan.networks.empty()) return json.Missing("networks");
  return plan;
}

absl::StatusOr<std::vector<Json>> ReadResults(const std::string& text) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(text));
  RETURN_IF_ERROR(CheckVersion(document.root()));
  ASSIGN_OR_RETURN(const std::vector<JsonReader> items, document.root().Items("results"));
  std::vector<Json> results;
  for (const JsonReader& item : items) results.push_back(item.json());
  return results;
}

}  // namespace

absl::StatusOr<NetworkPlan> MakePlan(const PodNetworkRequest& request, const std::vector<CniConfigList>& configs,
                                     const std::vector<std::string>& bin_dirs,
                                     const std::vector<std::string>& pod_cidrs) {
  if (!IsCniName(request.pod_id)) {
    return absl::InvalidArgumentError(absl::StrCat("pod id \"", Excerpt(request.pod_id), "\" is not a CNI name"));
  }
  CniTarget target;
  target.container_id = request.pod_id;
  target.netns = request.netns_path;
  ASSIGN_OR_RETURN(target.args, CniArgs(request));
  target.runtime_config = RuntimeConfig(request, configs, pod_cidrs);
  NetworkPlan plan;
  plan.bin_dirs = bin_dirs;
  for (const CniConfigList& config : configs) {
    target.ifname = absl::StrCat("eth", plan.networks.size());
    plan.networks.push_back({config, target});
  }
  return plan;
}

bool AnyHas(const std::string& capability, const std::vector<CniConfigList>& configs) {
  const auto has = [&](const CniPlugin& plugin) { return plugin.capabilities.contains(capability); };
  return std::any_of(configs.begin(), configs.end(), [&](const CniConfigList& config) {
    return std::any_of(config.plugins.begin(), config.plugins.end(), has);
  });
}

std::set<uint16_t> UdpHostPorts(const NetworkPlan& plan) {
  std::set<uint16_t> ports;
  for (const PlannedNetwork& network : plan.networks) {
    const auto mappings = JsonReader(network.target.runtime_config).Objects("portMappings");
    for (const JsonReader& mapping : mappings.value_or(std::vector<JsonReader>())) {
      const auto port = mapping.Unsigned("hostPort", std::numeric_limits<uint16_t>::max());
      if (mapping.String("protocol").value_or("") != "udp" || !port.ok() || !port->has_value()) continue;
      ports.insert(static_cast<uint16_t>(**port));
    }
  }
  return ports;
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
  ASSIGN_OR_RETURN(NetworkPlan plan, ReadPlan(text), "read the recorded network plan");
  return plan;
}

std::string ResultsToText(const std::vector<Json>& results) {
  return DumpJson({{"version", kVersion}, {"results", results}});
}

absl::StatusOr<std::vector<Json>> ResultsFromText(const std::string& text) {
  if (text.empty()) return std::vector<Json>();
  ASSIGN_OR_RETURN(std::vector<Json> results, ReadResults(text), "read the recorded network result");
  return results;
}

}  // namespace crisp
