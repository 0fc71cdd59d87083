// PodRunner: RunPodSandbox. The row is written, then the network namespace is made; CNI ADD and the pause container run
// side by side; the row becomes `created` and the pod READY.
//
// Threading: all methods from any thread. The work goes on when its caller has gone, and a repeated request joins it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/call_context.h"
#include "base/single_flight.h"
#include "sandbox/pod_table.h"
#include "sandbox/record.pb.h"
#include "sandbox/setup.h"
#include "store/layout.h"

namespace crisp {

class EventPublisher;
class Operation;
class PauseStarter;
class PodListener;
class PodNetwork;
class Records;
class Teardown;
struct SandboxCounters;

class PodRunner {
 public:
  // All must outlive the object.
  struct Parts {
    Layout layout;
    PodTable* table;
    Records* records;
    EventPublisher* events;
    PodListener* listener;
    const SetupSource* setup;
    const PodNetwork* network;
    const PauseStarter* pause;
    const Teardown* teardown;
    SandboxCounters* counters;
  };
  explicit PodRunner(Parts parts) : parts_(std::move(parts)) {}

  // Returns the id. A repetition of a request that has succeeded gets the same id. AlreadyExists if another pod has the
  // name, or a request with other contents is at work for it.
  absl::StatusOr<std::string> Run(const cri::RunPodSandboxRequest& request, const CallContext& call);

 private:
  absl::StatusOr<std::string> RunOnce(const Setup& setup, const cri::RunPodSandboxRequest& request,
                                      Operation* operation);
  // The id of the pod that `request` has made already; empty if its name is free. Removes what a failed attempt has
  // left behind.
  absl::StatusOr<std::string> FindSame(const cri::RunPodSandboxRequest& request, const CallContext& call);
  absl::StatusOr<PodPtr> NewPod(const Setup& setup, const cri::RunPodSandboxRequest& request);
  // Decides all that can be decided beforehand and records it. After an error there is nothing to undo.
  absl::Status Plan(const Setup& setup, const PodPtr& pod);
  absl::Status Make(const Setup& setup, const PodPtr& pod, const CallContext& call);
  absl::Status StartWhileAttaching(const Setup& setup, const PodPtr& pod, const CallContext& call);
  absl::Status StartThenAttach(const Setup& setup, const PodPtr& pod, const CallContext& call);
  absl::Status Undo(const PodPtr& pod);
  absl::StatusOr<std::string> NewLevel(const Setup& setup);

  const Parts parts_;
  SingleFlight<std::string> flights_;  // by name
};

}  // namespace crisp
