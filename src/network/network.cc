#include "network/network.h"

#include <algorithm>
#include <list>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "network/cni_chain.h"
#include "network/cni_config.h"
#include "network/cni_result.h"
#include "network/conf_dir.h"
#include "network/generated_conf.h"
#include "network/operation_turns.h"
#include "network/plan.h"
#include "network/plugin_status.h"
#include "network/pod_cidrs.h"
#include "os/conntrack.h"
#include "os/netlink.h"

namespace crisp {
namespace {

bool IsIpv4(const std::string& address) {
  return address.find(':') == std::string::npos;
}

bool IsChosen(const std::string& address, CniOptions::Choice choice) {
  return choice == CniOptions::Choice::kFirst || IsIpv4(address) == (choice == CniOptions::Choice::kIpv4);
}

// `ip` is the first that the choice fits, or the first of all. The others keep their order.
PodAddresses Choose(std::vector<std::string> addresses, CniOptions::Choice choice) {
  auto shown = std::find_if(addresses.begin(), addresses.end(),
                            [&](const std::string& address) { return IsChosen(address, choice); });
  if (shown == addresses.end()) shown = addresses.begin();
  PodAddresses chosen;
  chosen.ip = *shown;
  addresses.erase(shown);
  chosen.additional_ips = std::move(addresses);
  return chosen;
}

// Some plugins report no address, for example if it comes from DHCP. Then the addresses of the interface count.
absl::StatusOr<PodAddresses> AddressesOf(const PlannedNetwork& network, const Json& result, CniOptions::Choice choice,
                                         Netlink& netlink) {
  std::vector<std::string> addresses = PodIpsOf(result);
  if (addresses.empty()) {
    ASSIGN_OR_RETURN(addresses, netlink.Addresses(network.target.ifname), network.config.file);
  }
  if (addresses.empty()) {
    return absl::InternalError(absl::StrCat(network.config.file, ": its plugins gave ", network.target.ifname,
                                            " of the pod no address: check the plugin's ipam"));
  }
  return Choose(std::move(addresses), choice);
}

absl::Status CheckAbsolute(const char* key, const std::string& dir) {
  if (!dir.empty() && dir.front() == '/') return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(key, " \"", dir, "\" is not an absolute path"));
}

absl::Status CheckDirectories(const CniOptions& options) {
  RETURN_IF_ERROR(CheckAbsolute("CNI conf_dir", options.conf_dir.path));
  for (const auto& [handler, dir] : options.handlers) RETURN_IF_ERROR(CheckAbsolute("cni_conf_dir", dir.path));
  if (!options.conf_template.empty()) RETURN_IF_ERROR(CheckAbsolute("CNI conf_template", options.conf_template));
  if (options.bin_dirs.empty()) return absl::InvalidArgumentError("no CNI bin_dir is set");
  for (const std::string& dir : options.bin_dirs) RETURN_IF_ERROR(CheckAbsolute("CNI bin_dir", dir));
  return absl::OkStatus();
}

// The options with the directories that they name, which are watched. What is in them changes, and is thread-safe.
class Directories {
 public:
  // Reads the directories for the first time. `counters` must outlive the object.
  Directories(CniOptions cni_options, NetworkCounters* counters)
      : options(std::move(cni_options)), plugin_status({options.bin_dirs, counters}) {
    dirs_.emplace_back(options.conf_dir);
    for (const auto& [name, dir] : options.handlers) of_handlers_[name] = Share(dir);
  }
  Directories(const Directories&) = delete;
  Directories& operator=(const Directories&) = delete;

  ConfDir& Default() { return dirs_.front(); }
  ConfDir& Of(const std::string& handler) {
    const auto found = of_handlers_.find(handler);
    return found == of_handlers_.end() ? Default() : *found->second;
  }
  std::list<ConfDir>& All() { return dirs_; }
  // Default(), with every plugin that its networks need.
  absl::StatusOr<CniConfigs> Installed();
  // Logs what keeps pods from having a network.
  void NameFaults();

  const CniOptions options;
  PluginStatus plugin_status;

 private:
  ConfDir* Share(const CniConfDirOptions& dir_options);

  std::list<ConfDir> dirs_;  // each directory once, however many handlers have it
  std::map<std::string, ConfDir*> of_handlers_;
};

class CniNetwork : public Network {
 public:
  explicit CniNetwork(CniOptions options)
      : pod_cidrs_(options.pod_cidrs_file), now_(std::make_shared<Directories>(std::move(options), &counters_)) {}

  void Begin() { now_.Get()->NameFaults(); }
  absl::StatusOr<Commit> Prepare(CniOptions options) override;
  absl::Status Ready() override;
  absl::Status SetPodCidrs(const std::string& pod_cidrs) override;
  absl::StatusOr<CniAttachment> Plan(const PodNetworkRequest& request) override;
  absl::StatusOr<PodAddresses> Attach(CniAttachment* attachment, const CallContext& call) override;
  absl::Status Detach(const CniAttachment& attachment, const CallContext& call) override;
  absl::StatusOr<std::vector<PluginCheck>> Check(const CniAttachment& attachment, const CallContext& call) override;
  absl::Status CollectGarbage(absl::FunctionRef<std::vector<std::string>()> valid, const CallContext& call) override;
  bool PluginsInstalled(const CniAttachment& attachment) override;
  std::string Describe() override;
  const NetworkCounters& counters() const override { return counters_; }

 private:
  OperationTurns turns_;
  NetworkCounters counters_;
  PodCidrs pod_cidrs_;
  Mutex generating_;  // held while a configuration is written
  Reloadable<Directories> now_;
};

ConfDir* Directories::Share(const CniConfDirOptions& dir_options) {
  for (ConfDir& dir : dirs_) {
    if (dir.options() == dir_options) return &dir;
  }
  return &dirs_.emplace_back(dir_options);
}

void Directories::NameFaults() {
  const absl::Status ready = Installed().status();
  if (!ready.ok()) LogWarning("network is not ready", {{"why", ready.message()}});
  for (const auto& [name, dir] : of_handlers_) {
    const absl::Status loaded = dir->CurrentOrError().status();
    if (loaded.ok() || name.empty()) continue;
    LogWarning("network of a runtime is not ready", {{"runtime", name}, {"why", loaded.message()}});
  }
  if (options.conf_template.empty()) return;
  const absl::Status usable = CheckTemplateFile(options.conf_template);
  if (!usable.ok()) LogError("conf_template cannot be used", {{"error", usable.message()}});
}

absl::StatusOr<CniConfigs> Directories::Installed() {
  ASSIGN_OR_RETURN(CniConfigs configs, Default().CurrentOrError());
  for (const CniConfigList& config : configs.networks) {
    for (const CniPlugin& plugin : config.plugins) {
      const auto found = FindPlugin(plugin.type, options.bin_dirs);
      if (!found.ok()) {
        return absl::FailedPreconditionError(
            absl::StrCat(options.conf_dir.path, "/", config.file, ": ", found.status().message()));
      }
    }
  }
  return configs;
}

absl::StatusOr<Commit> CniNetwork::Prepare(CniOptions options) {
  RETURN_IF_ERROR(CheckDirectories(options));
  if (options == now_.Get()->options) return Commit([] {});
  auto next = std::make_shared<Directories>(std::move(options), &counters_);
  next->NameFaults();
  return Commit([this, next] { now_.Set(next); });
}

absl::Status CniNetwork::Ready() {
  const std::shared_ptr<Directories> now = now_.Get();
  ASSIGN_OR_RETURN(const CniConfigs configs, now->Installed());
  return now->plugin_status.Of(configs.networks);
}

absl::Status CniNetwork::SetPodCidrs(const std::string& pod_cidrs) {
  ASSIGN_OR_RETURN(const std::vector<std::string> cidrs, ParsePodCidrs(pod_cidrs));
  if (cidrs.empty()) return absl::OkStatus();
  pod_cidrs_.Set(cidrs);
  const std::shared_ptr<Directories> now = now_.Get();
  const CniOptions& options = now->options;
  if (options.conf_template.empty()) return absl::OkStatus();
  const MutexLock lock(generating_);
  if (now->Default().CurrentOrError().ok()) return absl::OkStatus();
  RETURN_IF_ERROR(GenerateConf(options.conf_template, options.conf_dir.path, cidrs));
  LogInfo("wrote a CNI configuration",
          {{"file", absl::StrCat(options.conf_dir.path, "/", kGeneratedConf)}, {"pod_cidr", pod_cidrs}});
  return absl::OkStatus();
}

// Not an error: a network may do without the plugins.
void WarnOfWhatNobodyDoes(const PodNetworkRequest& request, const std::vector<CniConfigList>& configs) {
  const LogFields pod = {{"namespace", request.namespace_name},
                         {"pod", request.name},
                         {"uid", request.uid},
                         {"pod_id", request.pod_id},
                         {"file", configs.front().file}};
  if (!request.ports.empty() && !AnyHas("portMappings", configs)) {
    LogWarning("no CNI plugin has the capability portMappings: host ports may not work; add the plugin portmap", pod);
  }
  const bool limited = request.bandwidth.ingress > 0 || request.bandwidth.egress > 0;
  if (limited && !AnyHas("bandwidth", configs)) {
    LogWarning("no CNI plugin has the capability bandwidth: the pod is not limited; add the plugin bandwidth", pod);
  }
}

absl::StatusOr<CniAttachment> CniNetwork::Plan(const PodNetworkRequest& request) {
  const std::shared_ptr<Directories> now = now_.Get();
  ASSIGN_OR_RETURN(const CniConfigs configs, now->Of(request.handler).CurrentOrError());
  WarnOfWhatNobodyDoes(request, configs.networks);
  ASSIGN_OR_RETURN(const NetworkPlan plan,
                   MakePlan(request, configs.networks, now->options.bin_dirs, pod_cidrs_.Get()));
  return CniAttachment{.plan = PlanToText(plan), .result = ""};
}

absl::StatusOr<PodAddresses> CniNetwork::Attach(CniAttachment* attachment, const CallContext& call) {
  ASSIGN_OR_RETURN(const NetworkPlan plan, PlanFromText(attachment->plan));
  ASSIGN_OR_RETURN(const OperationTurns::Turn turn, turns_.BesideOthers(call));
  ASSIGN_OR_RETURN(Netlink netlink, Netlink::OpenIn(plan.networks.front().target.netns));
  RETURN_IF_ERROR(netlink.BringUp("lo"));
  const std::shared_ptr<Directories> now = now_.Get();
  const CniPlugins plugins{now->options.bin_dirs, &counters_};
  std::vector<Json> results;
  for (const PlannedNetwork& network : plan.networks) {
    ASSIGN_OR_RETURN(Json result, AddNetwork(network.config, network.target, plugins, call));
    results.push_back(std::move(result));
    // Updated after each network: if the next one fails, DEL of this one still gets its result.
    attachment->result = ResultsToText(results);
  }
  return AddressesOf(plan.networks.front(), results.front(), now->options.choice, netlink);
}

// The configured directories, then those of the plan, so that a pod can be removed after bin_dir has changed.
std::vector<std::string> BinDirsFor(const NetworkPlan& plan, std::vector<std::string> bin_dirs) {
  for (const std::string& dir : plan.bin_dirs) {
    if (std::find(bin_dirs.begin(), bin_dirs.end(), dir) == bin_dirs.end()) bin_dirs.push_back(dir);
  }
  return bin_dirs;
}

// Without this a client that goes on to send would reach the pod's address for ever, also once it is another pod's. The
// plugin portmap does it in ADD only (CNI plugins 0.9.0 and later). Never keeps a pod from being taken down.
void ForgetUdpClients(const NetworkPlan& plan, const std::vector<Json>& results) {
  std::vector<std::string> addresses;
  for (const Json& result : results) {
    for (std::string& address : PodIpsOf(result)) addresses.push_back(std::move(address));
  }
  const absl::Status forgotten = DeleteUdpFlows(UdpHostPorts(plan), addresses).status();
  if (forgotten.ok()) return;
  LogWarning("clients of a pod's UDP host ports may go on to reach its address until they pause",
             {{"pod_id", plan.networks.front().target.container_id}, {"error", forgotten.message()}});
}

absl::Status CniNetwork::Detach(const CniAttachment& attachment, const CallContext& call) {
  if (attachment.plan.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(NetworkPlan plan, PlanFromText(attachment.plan));
  ASSIGN_OR_RETURN(std::vector<Json> results, ResultsFromText(attachment.result));
  results.resize(plan.networks.size());
  ASSIGN_OR_RETURN(const OperationTurns::Turn turn, turns_.BesideOthers(call));
  const CniPlugins plugins{BinDirsFor(plan, now_.Get()->options.bin_dirs), &counters_};
  absl::Status status;
  for (size_t left = plan.networks.size(); left > 0; --left) {
    PlannedNetwork& network = plan.networks[left - 1];
    // An empty CNI_NETNS tells plugins that the namespace is gone, and the interface with it (CNI spec).
    if (!IsNetns(network.target.netns)) network.target.netns.clear();
    const CallContext part = PartOfCall(call, left);
    status = Join(status, DelNetwork(network.config, network.target, results[left - 1], plugins, part));
  }
  ForgetUdpClients(plan, results);
  return status;
}

absl::StatusOr<std::vector<PluginCheck>> CniNetwork::Check(const CniAttachment& attachment, const CallContext& call) {
  ASSIGN_OR_RETURN(const NetworkPlan plan, PlanFromText(attachment.plan));
  ASSIGN_OR_RETURN(std::vector<Json> results, ResultsFromText(attachment.result));
  results.resize(plan.networks.size());
  ASSIGN_OR_RETURN(const OperationTurns::Turn turn, turns_.BesideOthers(call));
  const CniPlugins plugins{BinDirsFor(plan, now_.Get()->options.bin_dirs), &counters_};
  std::vector<PluginCheck> checks;
  for (size_t i = 0; i < plan.networks.size(); ++i) {
    const PlannedNetwork& network = plan.networks[i];
    if (const absl::Status has = network.config.HasCheck(); !has.ok()) {
      checks.push_back({.file = network.config.file, .status = has});
      continue;
    }
    const CallContext part = PartOfCall(call, plan.networks.size() - i);
    const std::vector<absl::Status> answers = CheckNetwork(network.config, network.target, results[i], plugins, part);
    for (size_t j = 0; j < answers.size(); ++j) {
      checks.push_back({network.config.file, network.config.plugins[j].type, answers[j]});
    }
  }
  return checks;
}

absl::Status CniNetwork::CollectGarbage(absl::FunctionRef<std::vector<std::string>()> valid, const CallContext& call) {
  const std::shared_ptr<Directories> now = now_.Get();
  std::vector<CniConfigList> networks;
  for (ConfDir& dir : now->All()) {
    const CniConfigs configs = dir.Current();
    networks.insert(networks.end(), configs.networks.begin(), configs.networks.end());
  }
  networks.erase(std::remove_if(networks.begin(), networks.end(),
                                [](const CniConfigList& config) { return !config.CollectsGarbage(); }),
                 networks.end());
  if (networks.empty()) return absl::NotFoundError("no CNI configuration has cniVersion 1.1.0, which has GC");
  ASSIGN_OR_RETURN(const OperationTurns::Turn turn, turns_.Alone(call));
  std::map<std::string, std::vector<CniTarget>> targets;  // by network
  for (const std::string& text : valid()) {
    // A pod whose plan cannot be read would lose its addresses.
    ASSIGN_OR_RETURN(const NetworkPlan plan, PlanFromText(text));
    for (const PlannedNetwork& network : plan.networks) targets[network.config.name].push_back(network.target);
  }
  const CniPlugins plugins{now->options.bin_dirs, &counters_};
  absl::Status status;
  for (size_t i = 0; i < networks.size(); ++i) {
    status = Join(status, CollectNetworkGarbage(networks[i], targets[networks[i].name], plugins,
                                                PartOfCall(call, networks.size() - i)));
  }
  return status;
}

bool CniNetwork::PluginsInstalled(const CniAttachment& attachment) {
  const absl::StatusOr<NetworkPlan> plan = PlanFromText(attachment.plan);
  if (!plan.ok()) return true;
  const std::vector<std::string> bin_dirs = BinDirsFor(*plan, now_.Get()->options.bin_dirs);
  for (const PlannedNetwork& network : plan->networks) {
    for (const CniPlugin& plugin : network.config.plugins) {
      if (!FindPlugin(plugin.type, bin_dirs).ok()) return false;
    }
  }
  return true;
}

std::string CniNetwork::Describe() {
  const std::shared_ptr<Directories> now = now_.Get();
  const CniConfigs configs = now->Default().Current();
  Json networks = Json::array();
  for (const CniConfigList& config : configs.networks) {
    networks.push_back(
        {{"file", config.file}, {"ifname", absl::StrCat("eth", networks.size())}, {"config", config.ToJson()}});
  }
  return DumpJson({{"confDir", now->options.conf_dir.path},
                   {"binDirs", now->options.bin_dirs},
                   {"maxConfNum", now->options.conf_dir.max_conf_num},
                   {"networks", networks},
                   {"faults", configs.faults}});
}

}  // namespace

absl::StatusOr<std::unique_ptr<Network>> Network::Start(CniOptions options) {
  RETURN_IF_ERROR(CheckDirectories(options));
  auto network = std::make_unique<CniNetwork>(std::move(options));
  network->Begin();
  return network;
}

}  // namespace crisp
