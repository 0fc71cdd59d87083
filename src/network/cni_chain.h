// Runs the chain of plugins of one network for one pod (CNI spec 1.1.0, sections 2 to 4).
//
// Threading: any thread; the caller ensures that only one call at a time works on a pod.
// Errors: Internal "plugin <type> (<file>): …"; DeadlineExceeded or Cancelled if the call ended first. A plugin that
// does not end in time is killed with its children.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "base/json.h"
#include "network/cni_config.h"
#include "network/network_counters.h"

namespace crisp {

// What a plugin is told in addition to its configuration.
struct CniTarget {
  std::string container_id;
  std::string netns;    // path; empty at DEL if the namespace is gone
  std::string ifname;   // of the interface in the pod
  std::string args;     // CNI_ARGS
  Json runtime_config;  // an object by capability; a plugin gets the parts whose capabilities it declares
};

// Where the programs of plugins are, and what counts their runs.
struct CniPlugins {
  std::vector<std::string> bin_dirs;
  NetworkCounters* counters;
};

// Runs ADD of every plugin in order, each with the result of the one before, and returns the last result. After an
// error the network may be half made: DelNetwork cleans up.
absl::StatusOr<Json> AddNetwork(const CniConfigList& config, const CniTarget& target, const CniPlugins& plugins,
                                const CallContext& call);

// Runs DEL of every plugin in reverse order, all of them even if one fails, and joins the errors. `result` is what
// AddNetwork returned, null if it returned none; then a DEL that fails is run once more. The time of `call` is divided
// among the plugins, so one that hangs does not use up the time of the others.
absl::Status DelNetwork(const CniConfigList& config, const CniTarget& target, const Json& result,
                        const CniPlugins& plugins, const CallContext& call);

// Runs CHECK of every plugin in order, all of them even if one fails, and returns what each answers. `result` is what
// AddNetwork returned, null if it returned none. The time of `call` is divided among the plugins.
std::vector<absl::Status> CheckNetwork(const CniConfigList& config, const CniTarget& target, const Json& result,
                                       const CniPlugins& plugins, const CallContext& call);

// Runs GC of every plugin in order, all of them even if one fails, and joins the errors. The plugins release what they
// hold in this network for other containers and interfaces than those of `valid`.
absl::Status CollectNetworkGarbage(const CniConfigList& config, const std::vector<CniTarget>& valid,
                                   const CniPlugins& plugins, const CallContext& call);

// Runs STATUS of every plugin in order, until one fails: whether they can serve ADD.
absl::Status AskNetwork(const CniConfigList& config, const CniPlugins& plugins, const CallContext& call);

// The versions that plugin `type` supports (VERSION).
absl::StatusOr<std::vector<std::string>> AskPluginVersions(const std::string& type, const CniPlugins& plugins,
                                                           const CallContext& call);

// The path of the program of plugin `type`. Internal, naming the directories, if there is none.
absl::StatusOr<std::string> FindPlugin(const std::string& type, const std::vector<std::string>& bin_dirs);

// `call`, limited to one of `parts` equal parts of the time that is left.
CallContext PartOfCall(const CallContext& call, size_t parts);

}  // namespace crisp
