// What crispd has of a pod, in JSON: for whoever has to find out why it is as it is.
//
// Plain functions, callable from any thread. They read copies, /proc, and files of the pod's below root and state; they
// wait for nobody's lock but the file system's. Values of environment variables are left out, since people send this
// to each other; `crictl inspect` has them.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "store/layout.h"

namespace crisp {

class Pod;
class Recorder;
using PodPtr = std::shared_ptr<Pod>;

// {"id", "namespace", "name", "attempt", "state", "containers": 2}, for a list.
nlohmann::json PodSummary(const Pod& pod);

// All of it:
//   state, phase, visible   as in sandbox/pod.h and in the database
//   status, info            what PodSandboxStatus(verbose) answers
//   shim                    pid, its state and stack in the kernel, program, the last of its log
//   network                 the network namespace and its inode, the plan and the result of CNI
//   cgroups                 each with its limits, use and number of processes
//   namespaces              those that are pinned, by kind
//   containers              of each, visible or not: state, status, info, rootfs with its layers, log, exit record
//   operations              at work on it (monitor/operations_text.h)
//   events                  the newest lines about it of `recorder`, which may be null
nlohmann::json PodFacts(const Layout& layout, const PodPtr& pod, const Recorder* recorder);

}  // namespace crisp
