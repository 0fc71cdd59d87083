// One network of one pod: its plugins run in a chain (CNI spec 1.0.0, sections 2 to 4).
//
// Threading: all functions from any thread; the caller sees to it that only one works on a pod at a time.
// Errors: "plugin <type> (<file>): …", Internal; DeadlineExceeded or Cancelled where the call ended first. A plugin
// that does not end in time is killed with its children.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call.h"
#include "network/cni_config.h"
#include "network/json.h"

namespace crisp {

// What a plugin is told besides its configuration.
struct CniTarget {
  std::string container_id;
  std::string netns;    // empty at DEL: the namespace is gone
  std::string ifname;   // of the interface in the pod
  std::string args;     // CNI_ARGS
  Json runtime_config;  // by capability; a plugin gets those that it declares
};

// ADD of every plugin in order, each with the result of the one before. Gives the last one's result. After an error the
// network may be half made: DelNetwork cleans up.
absl::StatusOr<Json> AddNetwork(const CniConfigList& config, const CniTarget& target,
                                const std::vector<std::string>& bin_dirs, const Call& call);

// DEL of every plugin in reverse order, all of them even if one fails; the errors come joined. `result` is what
// AddNetwork gave, null if it gave none. One plugin that hangs does not use up the time of the others.
absl::Status DelNetwork(const CniConfigList& config, const CniTarget& target, const Json& result,
                        const std::vector<std::string>& bin_dirs, const Call& call);

// The path of the program of plugin `type`. Internal, naming the directories, if there is none.
absl::StatusOr<std::string> FindPlugin(const std::string& type, const std::vector<std::string>& bin_dirs);

// `call` with an equal part of the time that is left for each of `parts`.
Call PartOfCall(const Call& call, size_t parts);

}  // namespace crisp
