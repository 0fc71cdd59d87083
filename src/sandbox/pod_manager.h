// PodManager: the pods of this node and their containers, from RunPodSandbox to RemovePodSandbox, across the deaths of
// the daemon, of a shim, of the OCI runtime, of a CNI plugin.
//
// How an operation stays whole: a row in the database (Records) stands before the first side effect. What undoes an
// object is one function that takes away whatever is there of it and is content with nothing (teardown.cc). A failure
// in the middle, a restart that finds an intent, and RemovePodSandbox all call that same function.
//
// Threading: all methods from any thread; those that take a Call block for as long as it lasts. RunPodSandbox,
// CreateContainer, Stop and Remove of a pod and Start and Remove of a container go on when their caller has gone, and a
// repeated call joins them.
// Errors: InvalidArgument naming the field; NotFound naming the pod or container, only for that; FailedPrecondition for
// the wrong state; AlreadyExists for a name in use by something else; Internal for the rest.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/background.h"
#include "base/call.h"
#include "base/mutex.h"
#include "base/single_flight.h"
#include "network/network.h"
#include "runtime/runtime_features.h"
#include "runtime/shim_client.h"
#include "runtime/spec.h"
#include "sandbox/events.h"
#include "sandbox/layer_usage.h"
#include "sandbox/machine.h"
#include "sandbox/pod.h"
#include "sandbox/records.h"
#include "sandbox/security_options.h"
#include "store/layout.h"

namespace crisp {

class Database;
class Images;
class Reactor;
struct Image;
struct LayerFileSystem;

struct SandboxOptions {
  std::map<std::string, OciRuntime> runtimes;  // by name of the handler
  std::string default_runtime;                 // a name in `runtimes`
  std::string sandbox_image;                   // reference of the pause image
  std::string shim_program;                    // absolute
  int64_t log_line_limit = 16384;              // bytes; 0 or less: none
  bool restrict_oom_score_adj = false;
  SecurityOptions security;
  std::map<std::string, HandlerOptions> handlers;  // by name, as `runtimes`
};

class PodManager {
 public:
  // All but the options must outlive the manager.
  struct Parts {
    Layout layout;
    Database* database;
    Images* images;
    Network* network;
    Reactor* reactor;
    SandboxOptions options;
  };

  // Takes over the pods of the daemon before it: finishes or undoes what its intents say, connects to its shims.
  static absl::StatusOr<std::unique_ptr<PodManager>> Open(Parts parts);
  // Leaves every pod as it is.
  ~PodManager();

  // What each runtime handler can do, by name; "" is the default one.
  std::map<std::string, RuntimeFeatures> HandlerFeatures() const;

  absl::StatusOr<std::string> RunPod(const cri::RunPodSandboxRequest& request, const Call& call);
  absl::Status StopPod(const std::string& pod_id, const Call& call);
  absl::Status RemovePod(const std::string& pod_id, const Call& call);
  absl::StatusOr<cri::PodSandboxStatusResponse> PodStatus(const std::string& pod_id, bool verbose);
  std::vector<cri::PodSandbox> ListPods(const cri::PodSandboxFilter& filter);

  absl::StatusOr<std::string> CreateContainer(const cri::CreateContainerRequest& request, const Call& call);
  absl::Status StartContainer(const std::string& container_id, const Call& call);
  // `grace` is in seconds; 0 kills at once.
  absl::Status StopContainer(const std::string& container_id, int64_t grace, const Call& call);
  absl::Status RemoveContainer(const std::string& container_id, const Call& call);
  absl::StatusOr<cri::ContainerStatusResponse> ContainerStatus(const std::string& container_id, bool verbose);
  std::vector<cri::Container> ListContainers(const cri::ContainerFilter& filter);
  absl::StatusOr<cri::ExecSyncResponse> ExecSync(const cri::ExecSyncRequest& request, const Call& call);
  absl::Status ReopenLog(const std::string& container_id, const Call& call);

  // What a field leaves at zero or empty stays as it is.
  absl::Status UpdateContainer(const cri::UpdateContainerResourcesRequest& request, const Call& call);
  absl::Status UpdatePod(const cri::UpdatePodSandboxResourcesRequest& request, const Call& call);

  // One that does not run has no more than its attributes and its writable layer. Lists have the running containers,
  // and the pods that are READY.
  absl::StatusOr<cri::ContainerStats> ContainerStats(const std::string& container_id);
  std::vector<cri::ContainerStats> ListContainerStats(const cri::ContainerStatsFilter& filter);
  absl::StatusOr<cri::PodSandboxStats> PodStats(const std::string& pod_id);
  std::vector<cri::PodSandboxStats> ListPodStats(const cri::PodSandboxStatsFilter& filter);
  // What the writable layers of all containers take together, as each was measured last (layer_usage.h).
  cri::FilesystemUsage WritableLayers();
  // Of the pods that are READY and their running containers. metrics.h says which.
  std::vector<cri::PodSandboxMetrics> ListPodMetrics();

  EventHub& events() { return events_; }

 private:
  friend class PodStreams;  // exec, attach and port-forward, for the streaming server
  struct Done {};
  using PodPtr = std::shared_ptr<Pod>;
  using ContainerPtr = std::shared_ptr<Container>;
  struct Found {
    PodPtr pod;
    ContainerPtr container;
  };

  PodManager(Parts parts, Machine machine, std::map<std::string, RuntimeFeatures> features);

  // By id or by a prefix that only one has. NotFound, or InvalidArgument for a prefix that several have.
  absl::StatusOr<PodPtr> FindPod(const std::string& id);
  absl::StatusOr<Found> FindContainer(const std::string& id);
  std::vector<PodPtr> Pods();
  PodPtr FindPodByName(const cri::PodSandboxMetadata& name);
  PodPtr PodOfId(const std::string& id);  // null if there is none; also one that cannot be seen
  void Publish(const PodPtr& pod);
  void Forget(const PodPtr& pod);
  absl::StatusOr<OciRuntime> RuntimeFor(const std::string& handler);
  PodPtr NewPod(PodRecord record, OciRuntime runtime);

  // run_pod.cc
  absl::StatusOr<std::string> RunPodOnce(const cri::RunPodSandboxRequest& request);
  absl::Status PlanPod(const PodPtr& pod);
  absl::Status MakePod(const PodPtr& pod, const Call& call);
  absl::Status StartPause(const PodPtr& pod, const Call& call);
  absl::Status StartWhileAttaching(const PodPtr& pod, bool own_network, const Call& call);
  absl::Status StartThenAttach(const PodPtr& pod, const Call& call);
  absl::Status AttachNetwork(const PodPtr& pod, const Call& call);
  absl::StatusOr<std::string> NewLevel();
  absl::StatusOr<std::shared_ptr<const Image>> EnsureSandboxImage(const Call& call);
  absl::StatusOr<std::shared_ptr<Shim>> LaunchShim(const PodPtr& pod, const Call& call);

  // create_container.cc
  absl::StatusOr<std::string> CreateContainerOnce(const PodPtr& pod, const cri::CreateContainerRequest& request);
  absl::Status MakeContainer(const PodPtr& pod, const ContainerPtr& container, const Image& image);

  // container_mounts.cc
  absl::StatusOr<cri::ContainerConfig> ResolveMounts(const PodPtr& pod, const ContainerPtr& container);
  absl::Status MountImage(const PodPtr& pod, const ContainerPtr& container, int index, cri::Mount* mount);
  absl::StatusOr<std::vector<ImageVolume>> MakeVolumes(const PodPtr& pod, const ContainerPtr& container,
                                                       const cri::ContainerConfig& config, const ImageConfig& image);
  absl::StatusOr<std::string> PinTargetPids(const PodPtr& pod, const ContainerPtr& container,
                                            const std::string& target_id);
  absl::Status ReleaseMounts(const PodPtr& pod, const ContainerPtr& container);

  // start_container.cc
  // Its caller is inside the container's gate.
  absl::Status StartOnce(const Found& found, const Call& call);

  // stop.cc
  // Unavailable if the shim is gone, DeadlineExceeded if it does not answer (or the time of `call` is up): then nobody
  // tells how they end. Internal, with its state, for a process that does not die.
  absl::Status KillAndWait(const PodPtr& pod, const std::vector<ContainerPtr>& containers, const Call& call);
  absl::Status EndContainer(const PodPtr& pod, const ContainerPtr& container, const Call& call);

  // teardown.cc: each takes away whatever is there of an object, step by step, all steps even if one fails, and is
  // content with nothing. After an OK nothing of it is left.
  absl::Status Discard(const PodPtr& pod, const Call& call);
  absl::Status StopResources(const PodPtr& pod, const Call& call);
  absl::Status RemoveResources(const PodPtr& pod, const Call& call);
  absl::Status DetachNetwork(const PodPtr& pod, const Call& call);
  // Ends it, by force if it hangs. What one that did not end by itself has left of containers is cleaned up, and those
  // that ran have ended: so is that of a pod without a shim.
  absl::Status StopShim(const PodPtr& pod, bool hangs, const Call& call);
  absl::Status RemoveContainerResources(const PodPtr& pod, const ContainerPtr& container, const Call& call);

  // collapse.cc: the shim of a pod has died.
  void Collapse(const PodPtr& pod);
  // If it still counts as running: nobody will tell of its end any more.
  absl::Status EndLostContainer(const PodPtr& pod, const ContainerPtr& container);

  // tell.cc: each change once, and in order, whichever thread learns of it first. `container` null: of the pod's pause
  // container, as which the kubelet counts the pod itself.
  void Tell(const PodPtr& pod, const ContainerPtr& container, cri::ContainerEventType type);
  void TellExit(const PodPtr& pod, const ContainerPtr& container);
  void PublishEvent(const Pod& pod, const std::string& id, cri::ContainerEventType type);

  // update_resources.cc
  absl::Status ApplyUpdate(const Found& found, const cri::LinuxContainerResources& resources, const Call& call);

  // stats.cc
  struct Measured {
    PodPtr pod;
    ContainerPtr container;
    ContainerRecord record;
    std::optional<MeterReading> reading;
    std::optional<LayerUsage::Measured> layer;
  };
  struct MeasuredPod {
    PodPtr pod;
    PodRecord record;
    std::vector<Measured> containers;  // that run, oldest first
  };
  std::vector<PodPtr> ReadyPods();
  static void AddRunning(const PodPtr& pod, const cri::ContainerStatsFilter& filter, std::vector<Measured>* all);
  static void SortMeasured(std::vector<Measured>* all);
  void Measure(const std::vector<Measured*>& all);
  // Oldest pod first.
  std::vector<MeasuredPod> MeasureContainersOf(const std::vector<PodPtr>& pods);
  cri::ContainerStats StatsOf(const Measured& measured) const;
  // How many READY pods there are in each cgroup that is named as a pod's (PodCgroupName).
  std::map<std::string, int> PodsInCgroups();
  // What the pod's cgroup counts; where it has none of its own, or shares it with other pods, the sum of its containers
  // and its pause container.
  static std::optional<MeterReading> ReadPod(const MeasuredPod& pod, const std::map<std::string, int>& pods_in_cgroup);
  static void FillPod(const MeasuredPod& pod, const std::optional<MeterReading>& reading,
                      cri::LinuxPodSandboxStats* stats);
  std::vector<cri::PodSandboxStats> MeasurePods(const std::vector<PodPtr>& pods);

  // pod_metrics.cc
  static cri::PodSandboxMetrics MetricsOf(const MeasuredPod& pod, const std::map<std::string, int>& pods_in_cgroup,
                                          const LayerFileSystem& file_system);

  // recovery.cc
  absl::Status Recover();
  void RecoverPod(const StoredPod& stored, const std::vector<StoredContainer>& containers);
  // What its shim has. Without one, or with one that does not answer and is therefore ended, nothing.
  std::vector<ShimContainer> Reconnect(const PodPtr& pod);
  void RecordStart(const ContainerPtr& container, const StartedContainer& started);
  absl::Status FollowStart(const Found& found);
  void RecoverContainers(const PodPtr& pod, const std::vector<StoredContainer>& containers,
                         const std::vector<ShimContainer>& alive);

  SpecContext ContextFor(const PodPtr& pod, const std::string& id) const;
  const std::string& HandlerName(const std::string& handler) const;
  // Of an answer of a shim, for a client: to that, Unavailable is a registry, or crispd itself.
  static absl::Status ForClient(const absl::Status& status);
  HandlerOptions HandlerOf(const PodPtr& pod) const;
  ShimPaths ShimPathsOf(const std::string& pod_id) const;

  const Layout layout_;
  Images* const images_;
  Network* const network_;
  Reactor* const reactor_;
  const SandboxOptions options_;
  const Machine machine_;
  const std::map<std::string, RuntimeFeatures> features_;  // by name of the handler
  Records records_;

  Mutex mutex_;
  std::map<std::string, PodPtr> pods_ ABSL_GUARDED_BY(mutex_);

  // Held while an event is made and published: events are in one order for all who hear them. Guards `told` of pods and
  // containers. Taken before any other lock.
  Mutex telling_;
  EventHub events_;
  LayerUsage layer_usage_;

  // From here on in the order in which they end, from the last to the first: what is in flight, the connections to the
  // shims, and what their deaths have set off.
  Background background_;
  struct ShimCloser {
    PodManager* manager;
    ~ShimCloser();
  };
  ShimCloser shim_closer_{this};
  SingleFlight<Done> transitions_;
  SingleFlight<std::string> makes_;  // its work calls transitions
};

}  // namespace crisp
