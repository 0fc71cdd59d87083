// KubeletFacts: what the kubelet's configuration says of the container runtime (kubelet.config.k8s.io/v1beta1). From
// the weakest: its defaults; its file; the drop-ins of --config-dir; its command line. In place of the files, /configz
// of a running kubelet, if its URL is given.
//
// A plain function, callable from any thread.
#pragma once

#include <string>
#include <vector>

#include "doctor/subject.h"

namespace crisp {

class CallContext;

struct KubeletSetting {
  std::string value;
  std::string source;  // a file, "--flag", or "/configz"; empty: the value is the kubelet's default

  std::string From() const { return source.empty() ? "the kubelet's default" : source; }
};

struct KubeletFacts {
  bool running = false;
  std::string config_file;          // that was read, or /configz; empty: none
  std::vector<std::string> faults;  // files that cannot be read
  KubeletSetting endpoint;          // containerRuntimeEndpoint, as it is written
  KubeletSetting cgroup_driver;     // "cgroupfs" or "systemd"
  KubeletSetting containerd;        // --containerd: where cAdvisor looks for labels; no file has it
  KubeletSetting fail_swap_on;      // "true" or "false"
  KubeletSetting fail_cgroup_v1;    // likewise; "" is the default of its version (true since 1.35)

  // Whether there is a kubelet to speak of: it runs, or has a file.
  bool known() const { return running || !config_file.empty(); }
};

KubeletFacts ReadKubeletFacts(const Subject& subject, const CallContext& call);

// The path of a socket's URL: "/run/x.sock" for "unix:///run/x.sock" and for itself, with links resolved in `tree`.
// Empty for anything else.
std::string SocketPathOf(const HostTree& tree, const std::string& endpoint);

}  // namespace crisp
