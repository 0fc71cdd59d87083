// The limits of a pod's traffic, which its annotations kubernetes.io/ingress-bandwidth and
// kubernetes.io/egress-bandwidth ask for: quantities as Kubernetes writes them ("10M", "1.5Gi", "2e6"), in bits a
// second.
#pragma once

#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "network/network.h"

namespace crisp {

// InvalidArgument that names the annotation for what is no quantity, and for less than 1k or more than 1P, the bounds
// that Kubernetes sets.
absl::StatusOr<Bandwidth> BandwidthOf(const cri::PodSandboxConfig& config);

}  // namespace crisp
