#include "sandbox/pod_manager.h"

#include <utility>

#include "base/status_macros.h"
#include "sandbox/container_exec.h"
#include "sandbox/container_killer.h"
#include "sandbox/container_mounts.h"
#include "sandbox/create_container.h"
#include "sandbox/event_hub.h"
#include "sandbox/event_publisher.h"
#include "sandbox/network_garbage.h"
#include "sandbox/pause_container.h"
#include "sandbox/pod.h"
#include "sandbox/pod_network.h"
#include "sandbox/pod_observer.h"
#include "sandbox/pod_table.h"
#include "sandbox/pod_watch.h"
#include "sandbox/records.h"
#include "sandbox/recovery.h"
#include "sandbox/run_pod.h"
#include "sandbox/sandbox_counters.h"
#include "sandbox/setup.h"
#include "sandbox/shim_stopper.h"
#include "sandbox/shim_upgrader.h"
#include "sandbox/start_container.h"
#include "sandbox/stop.h"
#include "sandbox/teardown.h"
#include "sandbox/update_resources.h"

namespace crisp {
namespace {

class NoObserver : public PodObserver {
 public:
  void OnPodStopped(const std::string&) override {}
  void OnContainerRemoved(const std::string&) override {}
};

// Closes the connections to the shims. The pods stay.
class ShimCloser {
 public:
  explicit ShimCloser(const PodTable* table) : table_(table) {}
  ~ShimCloser() {
    for (const PodPtr& pod : table_->All()) pod->shim.Drop();
  }

 private:
  const PodTable* const table_;
};

}  // namespace

// Each part uses only parts above it. The last are destroyed first: operations in flight, then the connections to the
// shims, then what the deaths of shims have set off.
struct PodManager::Tower {
  Tower(const PodManager::Parts& p, std::shared_ptr<const Setup> first)
      : layout(p.layout),
        setup(first),
        records(p.database, p.layout),
        publisher(&hub, &counters),
        network_garbage(p.table, &records, p.network),
        network(p.layout, p.network, &network_garbage),
        mounts(p.layout, p.images),
        pause(p.layout, p.images, p.shims, &counters),
        killer(&records, &publisher),
        shim_stopper(p.layout, p.shims, &records, &publisher, &counters),
        teardown({p.layout, p.table, &records, &publisher, p.images, p.shims, &network, &mounts, &killer, &shim_stopper,
                  p.observer != nullptr ? p.observer : &no_observer}),
        watch(p.table, &publisher, &shim_stopper, &counters),
        shim_closer(p.table),
        exec_plans(p.layout, &setup),
        exec(p.layout, p.table, &exec_plans, &counters),
        updater(p.layout, p.table, &records, &setup),
        stopper(p.table, &killer, &teardown, &counters),
        starter(p.layout, p.table, &records, &publisher, &shim_stopper, &counters, &setup),
        creator({p.layout, p.table, &records, &publisher, p.images, &setup, &mounts, &teardown, &counters}),
        runner({p.layout, p.table, &records, &publisher, &watch, &setup, &network, &pause, &teardown, &counters}),
        recovery({p.layout, p.table, &records, &publisher, &watch, &setup, p.shims, &shim_stopper, &teardown, &starter,
                  &counters, p.recovery_progress}),
        shim_upgrader(p.table, p.shims, &counters, first->options.shim_program) {}

  const Layout layout;
  NoObserver no_observer;
  EventHub hub;
  SandboxCounters counters;
  SetupSource setup;
  Records records;
  EventPublisher publisher;
  NetworkGarbage network_garbage;
  PodNetwork network;
  ContainerMounts mounts;
  PauseStarter pause;
  ContainerKiller killer;
  ShimStopper shim_stopper;
  Teardown teardown;
  PodWatch watch;
  ShimCloser shim_closer;
  ExecPlans exec_plans;
  ContainerExec exec;
  ResourceUpdater updater;
  Stopper stopper;
  ContainerStarter starter;
  ContainerCreator creator;
  PodRunner runner;
  Recovery recovery;
  ShimUpgrader shim_upgrader;
};

PodManager::PodManager(std::unique_ptr<Tower> tower) : tower_(std::move(tower)) {}

PodManager::~PodManager() = default;

absl::StatusOr<std::unique_ptr<PodManager>> PodManager::Open(Parts parts, SandboxOptions options) {
  ASSIGN_OR_RETURN(std::shared_ptr<const Setup> setup, MakeSetup(std::move(options), parts.layout));
  auto tower = std::make_unique<Tower>(parts, std::move(setup));
  RETURN_IF_ERROR(tower->recovery.Run(), "take over the pods of the last daemon");
  tower->shim_upgrader.Begin();
  return std::unique_ptr<PodManager>(new PodManager(std::move(tower)));
}

absl::StatusOr<Commit> PodManager::Prepare(SandboxOptions options) {
  KeepFormerRuntimes(tower_->setup.Get()->options, &options);
  ASSIGN_OR_RETURN(std::shared_ptr<const Setup> setup, MakeSetup(std::move(options), tower_->layout));
  return [this, setup = std::move(setup)] { tower_->setup.Set(setup); };
}

absl::StatusOr<std::string> PodManager::RunPod(const cri::RunPodSandboxRequest& request, const CallContext& call) {
  return tower_->runner.Run(request, call);
}

absl::Status PodManager::StopPod(const std::string& pod_id, const CallContext& call) {
  return tower_->stopper.StopPod(pod_id, call);
}

absl::Status PodManager::RemovePod(const std::string& pod_id, const CallContext& call) {
  return tower_->stopper.RemovePod(pod_id, call);
}

absl::Status PodManager::UpdatePod(const cri::UpdatePodSandboxResourcesRequest& request, const CallContext& call) {
  return tower_->updater.UpdatePod(request, call);
}

absl::StatusOr<std::string> PodManager::CreateContainer(const cri::CreateContainerRequest& request,
                                                        const CallContext& call) {
  return tower_->creator.Create(request, call);
}

absl::Status PodManager::StartContainer(const std::string& container_id, const CallContext& call) {
  return tower_->starter.Start(container_id, call);
}

absl::Status PodManager::StopContainer(const std::string& container_id, int64_t grace, const CallContext& call) {
  return tower_->stopper.StopContainer(container_id, grace, call);
}

absl::Status PodManager::RemoveContainer(const std::string& container_id, const CallContext& call) {
  return tower_->stopper.RemoveContainer(container_id, call);
}

absl::Status PodManager::UpdateContainer(const cri::UpdateContainerResourcesRequest& request, const CallContext& call) {
  return tower_->updater.UpdateContainer(request, call);
}

const ContainerExec& PodManager::exec() const {
  return tower_->exec;
}

EventHub& PodManager::events() {
  return tower_->hub;
}

const SandboxCounters& PodManager::counters() const {
  return tower_->counters;
}

std::map<std::string, RuntimeFeatures> PodManager::HandlerFeatures() const {
  return tower_->setup.Get()->handlers.AllFeatures();
}

}  // namespace crisp
