// ContainerCreator: CreateContainer. The row is written, then come the root file system, the user, the mounts, the spec
// and the bundle. The OCI runtime is not called before StartContainer: a fault of the image is a failed start, which is
// where the kubelet looks for it, and limits can still change in the spec.
//
// Threading: all methods from any thread. The work goes on when its caller has gone, and a repeated request joins it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "base/call_context.h"
#include "base/single_flight.h"
#include "sandbox/pod_table.h"
#include "sandbox/setup.h"
#include "store/layout.h"

namespace crisp {

class ContainerMounts;
class EventPublisher;
class Operation;
class Images;
class Records;
class Teardown;
struct Image;
struct ResolvedUser;
struct SandboxCounters;

class ContainerCreator {
 public:
  // All must outlive the object.
  struct Parts {
    Layout layout;
    const PodTable* table;
    Records* records;
    EventPublisher* events;
    Images* images;
    const SetupSource* setup;
    const ContainerMounts* mounts;
    const Teardown* teardown;
    SandboxCounters* counters;
  };
  explicit ContainerCreator(Parts parts) : parts_(std::move(parts)) {}

  // Returns the id. A repetition of a request that has succeeded gets the same id. AlreadyExists if another container
  // of the pod has the name, or a request with other contents is at work for it.
  absl::StatusOr<std::string> Create(const cri::CreateContainerRequest& request, const CallContext& call);

 private:
  absl::StatusOr<std::string> CreateOnce(const PodPtr& pod, const cri::CreateContainerRequest& request,
                                         Operation* operation);
  // The id of the container that `config` has created already; empty if its name is free. Removes what a failed attempt
  // has left behind.
  absl::StatusOr<std::string> FindSame(const PodPtr& pod, const cri::ContainerConfig& config, const CallContext& call);
  ContainerPtr NewContainer(const Pod& pod, const cri::ContainerConfig& config, const Image& image) const;
  absl::Status Make(const PodPtr& pod, const ContainerPtr& container, const Image& image, const CallContext& call);
  absl::StatusOr<std::string> BuildSpec(const Pod& pod, const Container& container, const Image& image,
                                        const ResolvedUser& user, const CallContext& call) const;

  const Parts parts_;
  SingleFlight<std::string> flights_;  // by pod and name
};

}  // namespace crisp
