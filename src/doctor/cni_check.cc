#include "doctor/cni_check.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/call_context.h"
#include "daemon/options.h"
#include "doctor/finding.h"
#include "doctor/subject.h"
#include "network/cni_chain.h"
#include "network/cni_config.h"
#include "network/cni_options.h"
#include "network/generated_conf.h"
#include "network/network_counters.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kPluginTime{3};  // for one run of a plugin

// The program that gives addresses, which the plugin calls itself.
std::string IpamOf(const CniPlugin& plugin) {
  const auto ipam = plugin.config.find("ipam");
  if (ipam == plugin.config.end() || !ipam->is_object()) return "";
  const auto type = ipam->find("type");
  return type == ipam->end() || !type->is_string() ? "" : type->get<std::string>();
}

class CniCheck {
 public:
  CniCheck(const CniOptions& options, Findings* findings, const CallContext& call)
      : plugins_{options.bin_dirs, &counters_}, findings_(findings), call_(call) {}

  // `needed`: of the default network; without it no pod has one.
  void LookAt(const CniConfDirOptions& dir, bool needed) {
    const CniConfigs all = LoadCniConfigs(dir.path, 0);
    for (const std::string& fault : all.faults) {
      findings_->Warn("configuration", absl::StrCat(dir.path, "/", fault.substr(0, fault.find(':'))),
                      fault.substr(std::min(fault.size(), fault.find(':') + 2)), "mend the file, or remove it");
    }
    const size_t used = dir.max_conf_num == 0 ? all.networks.size()
                                              : std::min(all.networks.size(), static_cast<size_t>(dir.max_conf_num));
    if (used == 0) return LookAtNone(dir.path, needed);
    for (size_t i = 0; i < used; ++i) LookAtNetwork(dir.path, all.networks[i]);
    for (size_t i = used; i < all.networks.size(); ++i) {
      findings_->Note(
          "configuration", absl::StrCat(dir.path, "/", all.networks[i].file),
          absl::StrCat("is not used: max_conf_num is ", dir.max_conf_num, ", and others come before it by name"));
    }
  }

 private:
  void LookAtNone(const std::string& path, bool needed) {
    findings_->Add(needed ? Verdict::kProblem : Verdict::kWarning, "configuration", path,
                   "has no network configuration: pods that are not on the host's network stay in ContainerCreating",
                   "install the cluster's network (its DaemonSet writes the file), or set conf_dir to where it is");
  }

  void LookAtNetwork(const std::string& path, const CniConfigList& network) {
    const std::string file = absl::StrCat(path, "/", network.file);
    findings_->Ok("configuration", file, absl::StrCat("network ", network.name, ", CNI ", network.version));
    bool all_there = true;
    for (const CniPlugin& plugin : network.plugins) {
      all_there = LookAtPlugin(file, plugin.type, network.version) && all_there;
      if (const std::string ipam = IpamOf(plugin); !ipam.empty())
        all_there = LookAtPlugin(file, ipam, network.version) && all_there;
    }
    if (all_there && network.HasStatus()) LookAtStatus(file, network);
  }

  bool LookAtPlugin(const std::string& file, const std::string& type, const std::string& version) {
    const absl::StatusOr<std::string> program = FindPlugin(type, plugins_.bin_dirs);
    if (!program.ok()) {
      findings_->Problem(
          "plugin", absl::StrCat("plugin ", type, " of ", file), std::string(program.status().message()),
          "on Debian: the package containernetworking-plugins, with bin_dir = \"/usr/lib/cni\"; plugins of a "
          "cluster's network are put there by its DaemonSet");
      return false;
    }
    if (!asked_.insert(*program).second) return true;
    const auto versions = AskPluginVersions(type, plugins_, call_.Within(kPluginTime));
    if (!versions.ok()) {
      findings_->Problem("plugin", *program, std::string(versions.status().message()), "run it by hand; reinstall it");
      return false;
    }
    if (std::find(versions->begin(), versions->end(), version) == versions->end()) {
      findings_->Problem("plugin", *program,
                         absl::StrCat("does not speak CNI ", version, ", which ", file, " asks for, but ",
                                      absl::StrJoin(*versions, ", ")),
                         "install a newer plugin, or write an older cniVersion in the file");
      return false;
    }
    findings_->Ok("plugin", *program, absl::StrCat("speaks CNI ", version));
    return true;
  }

  void LookAtStatus(const std::string& file, const CniConfigList& network) {
    const absl::Status status = AskNetwork(network, plugins_, call_.Within(kPluginTime));
    if (status.ok()) return findings_->Ok("status", file, "every plugin is ready for ADD");
    findings_->Problem("status", file, std::string(status.message()),
                       "look at the pods of the cluster's network on this node");
  }

  NetworkCounters counters_;  // nobody reads them
  const CniPlugins plugins_;
  Findings* const findings_;
  const CallContext call_;
  std::set<std::string> asked_;  // programs
};

void LookAtTemplate(const std::string& path, Findings* findings) {
  if (path.empty()) return;
  const absl::Status usable = CheckTemplateFile(path);
  if (usable.ok()) return findings->Ok("template", path, "can be used where conf_dir has no configuration");
  findings->Problem("template", path, std::string(usable.message()),
                    "mend the template, or remove the key conf_template if a network add-on writes the configuration");
}

}  // namespace

void CheckCni(const Subject& subject, Findings* findings, const CallContext& call) {
  const CniOptions options = CniOptionsOf(subject.config, subject.layout());
  CniCheck check(options, findings, call);
  check.LookAt(options.conf_dir, /*needed=*/true);
  for (const auto& [handler, dir] : options.handlers) {
    if (!handler.empty()) check.LookAt(dir, /*needed=*/false);
  }
  LookAtTemplate(options.conf_template, findings);
}

}  // namespace crisp
