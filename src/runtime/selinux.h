// SELinux labels: "user:role:type:level" (the SELinux Notebook, "Security Context"). The requested parts replace those
// of the labels that the node's policy gives to containers.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"

namespace crisp {

// The label of a process, and that of the files it may use. Both are empty without SELinux.
struct SelinuxLabels {
  std::string process;
  std::string file;
};

// "s0", "s0-s1", "s0:c1", "s0-s0:c0.c1023", "s0:c4,c5": sensitivities, then categories.
bool IsSelinuxLevel(absl::string_view level);

// InvalidArgument naming the invalid part of `options`. An empty part requests nothing.
absl::Status CheckSelinux(const cri::SELinuxOption& options, absl::string_view field);

// The node's labels with the requested parts in place of theirs. `level` is the pod's level, used if none is requested.
// A privileged process gets the unconfined type spc_t, and keeps the files' label. Empty labels stay empty.
SelinuxLabels LabelsFor(const SelinuxLabels& node, const cri::SELinuxOption& options, const std::string& level,
                        bool privileged);

// InvalidArgument naming `field` for the node's own directories, whose files must keep their labels: /, /etc, /usr and
// the like, and some files. `path` has no link in it. Directories below them may be relabelled.
absl::Status CheckRelabel(absl::string_view path, absl::string_view field);

// The default labels of containers, from the policy's file of them (selinux_lxc_contexts(5)).
absl::StatusOr<SelinuxLabels> ParseSelinuxContexts(absl::string_view text);

// A level with two categories below `range` that is not in `taken`, so that pods cannot use each other's files.
// `random` returns random numbers. ResourceExhausted if all levels are taken.
absl::StatusOr<std::string> NewSelinuxLevel(uint32_t range, const std::set<std::string>& taken, uint32_t (*random)());

// The labels of this node, read from the host; empty if SELinux is absent or disabled.
absl::StatusOr<SelinuxLabels> HostSelinuxLabels();

}  // namespace crisp
