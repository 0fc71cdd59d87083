// The messages of containerd's API that cAdvisor exchanges with its runtime.
#pragma once

#include "api/containerd/containers.pb.h"
#include "api/containerd/process.pb.h"
#include "api/containerd/tasks.pb.h"
#include "api/containerd/version.pb.h"

namespace crisp {
namespace containerd_containers = ::containerd::services::containers::v1;
namespace containerd_tasks = ::containerd::services::tasks::v1;
namespace containerd_types = ::containerd::v1::types;
namespace containerd_version = ::containerd::services::version::v1;
}  // namespace crisp
