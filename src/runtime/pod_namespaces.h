// PodNamespaces: the namespaces of a pod that its containers join, as paths.
#pragma once

#include <string>

namespace crisp {

// An empty path: none is joined. They must agree with the pod's namespace options: a namespace of the pod's own whose
// path is missing is an error and never means the host's.
struct PodNamespaces {
  std::string network;  // the pinned one; empty: the host's
  std::string ipc;      // /proc/<pause pid>/ns/ipc; empty: the host's
  std::string uts;      // /proc/<pause pid>/ns/uts; empty: the host's
  std::string pid;      // that of the pause container, or with NamespaceMode TARGET that of the target container
  std::string user;     // that of the pause container, for a pod with a user namespace; empty: the host's
};

}  // namespace crisp
