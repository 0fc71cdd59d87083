// RuntimeRpcs: the RPCs about the runtime itself: its version, its state, its configuration.
#pragma once

#include "absl/status/status.h"
#include "api/cri/cri.h"
#include "base/reloadable.h"
#include "server/server_options.h"

namespace crisp {

// Thread-safe.
class RuntimeRpcs {
 public:
  // All must outlive this.
  RuntimeRpcs(const Reloadable<const NodeReport>* report, const CriBackends& backends)
      : report_(report),
        pods_(backends.pods),
        health_(backends.health),
        network_(backends.network),
        operations_(backends.operations) {}

  absl::Status Version(const cri::VersionRequest& request, cri::VersionResponse* response);
  absl::Status Status(const cri::StatusRequest& request, cri::StatusResponse* response);
  absl::Status RuntimeConfig(const cri::RuntimeConfigRequest& request, cri::RuntimeConfigResponse* response);
  // Gives the pod CIDR to the network, which may need it to write a CNI configuration; network add-ons take theirs from
  // the node object.
  absl::Status UpdateRuntimeConfig(const cri::UpdateRuntimeConfigRequest& request,
                                   cri::UpdateRuntimeConfigResponse* response);

 private:
  const Reloadable<const NodeReport>* const report_;
  PodManager* const pods_;
  RuntimeHealth* const health_;
  Network* const network_;
  std::string (*const operations_)();
};

}  // namespace crisp
