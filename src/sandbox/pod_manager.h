// PodManager: the front of this room: what the CRI server calls to change pods and containers. It builds the parts and
// passes each call to the one that does it. Reading goes by PodTable (src/stats).
//
// Threading: all methods from any thread; those that take a CallContext block for as long as it lasts. RunPodSandbox,
// CreateContainer, StopPodSandbox, StartContainer and the removals go on when their caller has gone, and a repeated
// call joins them.
// Errors: InvalidArgument naming the field; NotFound naming the pod or container, and only for that; FailedPrecondition
// for the wrong state; AlreadyExists for a name in use by something else; Internal for the rest.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/call_context.h"
#include "base/reloadable.h"
#include "runtime/runtime_features.h"
#include "store/layout.h"

namespace crisp {

class ContainerExec;
class Database;
class EventHub;
class Images;
class Network;
class PodObserver;
class PodTable;
class Shims;
struct SandboxCounters;
struct SandboxOptions;

class PodManager {
 public:
  // All must outlive the manager. `table` is empty at first; `observer` may be null.
  struct Parts {
    Layout layout;
    PodTable* table;
    Database* database;
    Images* images;
    Network* network;
    Shims* shims;
    PodObserver* observer;
    std::function<void(size_t done, size_t all)> recovery_progress = nullptr;  // as in Recovery::Parts
  };

  // Takes over the pods of an earlier daemon: finishes or undoes what was under way, and connects to their shims.
  static absl::StatusOr<std::unique_ptr<PodManager>> Open(Parts parts, SandboxOptions options);
  // Leaves every pod as it is.
  ~PodManager();

  // Other options for the pods and containers that are made from the commit on. What is there keeps what it was made
  // with. A runtime that the options lack any more stays for its pods and takes no new ones. Asks the runtimes what
  // they can do. `shim_program` must be as before.
  absl::StatusOr<Commit> Prepare(SandboxOptions options);

  absl::StatusOr<std::string> RunPod(const cri::RunPodSandboxRequest& request, const CallContext& call);
  absl::Status StopPod(const std::string& pod_id, const CallContext& call);
  absl::Status RemovePod(const std::string& pod_id, const CallContext& call);
  absl::Status UpdatePod(const cri::UpdatePodSandboxResourcesRequest& request, const CallContext& call);

  absl::StatusOr<std::string> CreateContainer(const cri::CreateContainerRequest& request, const CallContext& call);
  absl::Status StartContainer(const std::string& container_id, const CallContext& call);
  // `grace` is in seconds; 0 or less kills at once.
  absl::Status StopContainer(const std::string& container_id, int64_t grace, const CallContext& call);
  absl::Status RemoveContainer(const std::string& container_id, const CallContext& call);
  absl::Status UpdateContainer(const cri::UpdateContainerResourcesRequest& request, const CallContext& call);

  const ContainerExec& exec() const;
  EventHub& events();
  const SandboxCounters& counters() const;
  // What each runtime handler can do, by name; "" is the default one.
  std::map<std::string, RuntimeFeatures> HandlerFeatures() const;

 private:
  struct Tower;
  explicit PodManager(std::unique_ptr<Tower> tower);

  const std::unique_ptr<Tower> tower_;
};

}  // namespace crisp
