// Containers of crisp's own client: each is one container in a pod of its own, and a directory of the client's with its
// log and the configuration that it was made from, by which `crisp start` makes it anew.
//
//   DATA-ROOT/containers/NAME/pod.json         the pod's configuration as JSON, mode 0600: it may hold secrets
//                             container.json   the container's
//                             container.log    written by the runtime
//                             volumes/N        volumes without a name
//   DATA-ROOT/volumes/NAME                     volumes with one
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/containers.h"
#include "client/run_spec.h"
#include "client/session.h"

namespace crisp::client {

struct MadeContainer {
  std::string name;
  std::string pod_id;
  std::string id;
  std::string log;  // the path of its log
};

// Makes a pod and a container in it, which does not run yet. The image must be here. Host ports that are 0 are chosen.
// What fails leaves nothing. AlreadyExists if a container has the name.
absl::StatusOr<MadeContainer> CreateOwn(Session& session, RunSpec spec);

// Makes a stopped container anew from what is on record; the old one is removed. Files that it wrote to its own root
// are lost, volumes are not.
absl::StatusOr<MadeContainer> RecreateOwn(Session& session, const ContainerView& old);

absl::Status StartContainer(RuntimeClient* runtime, const std::string& id);
// With the grace period, and then its pod.
absl::Status StopOwn(RuntimeClient* runtime, const ContainerView& view, int64_t grace_seconds);
// The pod with its container, and the directory. `volumes`: those without a name too.
absl::Status RemoveOwn(Session& session, const ContainerView& view);

std::string DirectoryOf(Session& session, const std::string& name);
// The path of a container's log, whoever has made it.
absl::StatusOr<std::string> LogPathOf(RuntimeClient* runtime, const std::string& id);

// The exit status of crisp for a container that could not be started: 127 if the command is not there, 126 if it cannot
// be executed, else 125.
int ExitStatusOf(const absl::Status& start);

}  // namespace crisp::client
