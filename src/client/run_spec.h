// RunSpec: a container as a person describes it, and the CRI messages that it becomes. `crisp run` fills it from its
// options; whoever else makes containers fills it otherwise and calls own_container.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "client/run_flags.h"

namespace crisp::client {

struct RunSpec {
  std::string name;                       // checked by CheckName
  std::string image;                      // as it is written
  std::vector<std::string> arguments;     // in place of the image's CMD; empty: CMD
  std::optional<std::string> entrypoint;  // in place of the image's, which then gives no CMD either; "": none

  bool terminal = false;
  bool interactive = false;              // stdin stays open
  bool stdin_once = false;               // and closes when the first who is attached leaves
  std::vector<std::string> environment;  // "NAME=value", later ones win
  std::string working_dir;
  std::string user;
  std::string hostname;  // empty: the name
  std::string stop_signal;

  bool host_network = false;
  bool host_pid = false;
  bool host_ipc = false;
  std::vector<cri::PortMapping> ports;
  std::vector<std::string> dns, dns_search, dns_options;
  std::map<std::string, std::string> sysctls;

  std::vector<Volume> volumes;
  std::vector<cri::Device> devices;
  bool readonly_root = false;

  double cpus = 0;  // 0: no limit, also below
  int64_t cpu_shares = 0;
  std::string cpuset_cpus, cpuset_mems;
  int64_t memory = 0;       // bytes
  int64_t memory_swap = 0;  // bytes, with the memory
  int64_t oom_score_adj = 0;

  bool privileged = false;
  std::vector<std::string> add_capabilities, drop_capabilities;
  std::vector<std::string> security_options;

  std::string cgroup_parent;
  std::map<std::string, std::string> labels, annotations;
};

// What a container is made from: the requests' messages, whole.
struct OwnConfig {
  cri::PodSandboxConfig pod;
  cri::ContainerConfig container;
};

// What the image says of a container's command.
struct ImageCommand {
  std::string name;  // of the image, with host and tag
  std::vector<std::string> entrypoint, cmd;
};

// `directory` takes the log, and volumes without a name; `volumes` those with one. Pure. InvalidArgument names the
// option.
absl::StatusOr<OwnConfig> BuildConfig(const RunSpec& spec, const ImageCommand& image, const std::string& directory,
                                      const std::string& volumes);

}  // namespace crisp::client
