// The pages of debug.address, in JSON:
//
//   /ops              operations in flight, oldest first (monitor/operations_text.h)
//   /threads          threads of crispd and what each does (monitor/thread_list.h)
//   /trace            all that is recorded, oldest first, a line of the log each (base/recorder.h)
//   /pods             every pod: id, namespace, name, state
//   /pods/POD         all that crispd has of it (monitor/pod_facts.h)
//   /pods/POD/trace   what is recorded of it; also of a pod that is gone
//   /pods/POD/network what the plugins of its networks say to CNI CHECK: {"file", "plugin", "ok"} of each, and "error"
//   if
//                     it is not. Takes seconds if a plugin hangs; a stop of the pod waits for it, and no check begins
//                     while something else is at work on the pod.
//
// main.cc adds /config, the values of the configuration with their sources (config_text/config_file_text.h).
//
// POD is an id, the beginning of one, or NAMESPACE/NAME. The socket's owner is the administrator: nothing is hidden but
// the values of environment variables.
#pragma once

#include "monitor/http_page.h"
#include "store/layout.h"

namespace crisp {

class Network;
class PodTable;
class Recorder;

struct DebugSources {
  Layout layout;
  const PodTable* table;     // outlives the pages, as all of these
  const Recorder* recorder;  // null: nothing is recorded
  Network* network;
};

HttpPages DebugPages(const DebugSources& sources);
HttpTrees DebugTrees(const DebugSources& sources);

}  // namespace crisp
