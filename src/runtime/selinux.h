// SELinux labels: "user:role:type:level" (the SELinux Notebook, "Security Context"). A pure part: what is asked for is
// put over what the node's policy gives to containers.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"

namespace crisp {

// Of a process, and of the files that it may touch. Both empty where there is no SELinux.
struct SelinuxLabels {
  std::string process;
  std::string file;
};

// "s0", "s0-s1", "s0:c1", "s0-s0:c0.c1023", "s0:c4,c5": sensitivities, then categories.
bool IsSelinuxLevel(absl::string_view level);

// InvalidArgument naming the part of `options` that no label can have. An empty part asks for nothing.
absl::Status CheckSelinux(const cri::SELinuxOption& options, absl::string_view field);

// The node's labels with what is asked for in their places; `level` is the pod's own and gives way to one that is asked
// for. A privileged process is of the type that nothing is refused to (spc_t), and keeps the files' label. Empty labels
// stay empty.
SelinuxLabels LabelsFor(const SelinuxLabels& node, const cri::SELinuxOption& options, const std::string& level,
                        bool privileged);

// The default labels of containers, from the policy's file of them (selinux_lxc_contexts(5)).
absl::StatusOr<SelinuxLabels> ParseSelinuxContexts(absl::string_view text);

// A level with two categories below `range` that is not in `taken`, so that pods cannot touch each other's files.
// `random` gives numbers. ResourceExhausted if there is none left.
absl::StatusOr<std::string> NewSelinuxLevel(uint32_t range, const std::set<std::string>& taken, uint32_t (*random)());

// (host) Those of this node: empty labels if its kernel has no SELinux, or none is enabled.
absl::StatusOr<SelinuxLabels> HostSelinuxLabels();

}  // namespace crisp
