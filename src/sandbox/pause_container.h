// PauseStarter: starts the pause container of a pod, and with it the pod's shim.
//
// Threading: all methods from any thread, for one pod one at a time. After an error whatever was made stays, and
// Teardown removes it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "runtime/shim.h"
#include "store/layout.h"

namespace crisp {

class Images;
class Pod;
class Shims;
struct Image;
struct SandboxCounters;
struct Setup;

// The files by which the shim of a pod is started and found again.
ShimPaths ShimPathsOf(const Layout& layout, const std::string& shim_program, const std::string& pod_id);

class PauseStarter {
 public:
  // All pointers must outlive the object.
  PauseStarter(Layout layout, Images* images, Shims* shims, SandboxCounters* counters)
      : layout_(std::move(layout)), images_(images), shims_(shims), counters_(counters) {}

  // Pulls the pause image if it is not on the node. Afterwards the record has the pause container's pid and its
  // namespaces are pinned.
  absl::Status Start(const Setup& setup, const std::shared_ptr<Pod>& pod, const CallContext& call) const;

 private:
  absl::StatusOr<std::shared_ptr<const Image>> FindOrPullImage(const std::string& name, const CallContext& call) const;
  absl::Status MakeDirectories(const Pod& pod) const;
  absl::Status WriteSpec(const Setup& setup, const Pod& pod, const Image& image) const;
  absl::Status StartProcess(const std::string& shim_program, const std::shared_ptr<Pod>& pod,
                            const CallContext& call) const;

  const Layout layout_;
  Images* const images_;
  Shims* const shims_;
  SandboxCounters* const counters_;
};

}  // namespace crisp
