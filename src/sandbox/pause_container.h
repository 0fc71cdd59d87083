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
class SpecInputs;
struct Image;
struct SandboxCounters;

struct PauseOptions {
  std::string image;         // reference of the pause image
  std::string shim_program;  // absolute
};

// The files by which the shim of a pod is started and found again.
ShimPaths ShimPathsOf(const Layout& layout, const std::string& shim_program, const std::string& pod_id);

class PauseStarter {
 public:
  // All pointers must outlive the object.
  PauseStarter(Layout layout, Images* images, Shims* shims, const SpecInputs* inputs, SandboxCounters* counters,
               PauseOptions options)
      : layout_(std::move(layout)),
        images_(images),
        shims_(shims),
        inputs_(inputs),
        counters_(counters),
        options_(std::move(options)) {}

  // Pulls the pause image if it is not on the node. Afterwards the record has the pause container's pid and its
  // namespaces are pinned.
  absl::Status Start(const std::shared_ptr<Pod>& pod, const CallContext& call) const;

 private:
  absl::StatusOr<std::shared_ptr<const Image>> FindOrPullImage(const CallContext& call) const;
  absl::Status MakeDirectories(const Pod& pod) const;
  absl::Status WriteSpec(const Pod& pod, const Image& image) const;
  absl::Status StartProcess(const std::shared_ptr<Pod>& pod, const CallContext& call) const;

  const Layout layout_;
  Images* const images_;
  Shims* const shims_;
  const SpecInputs* const inputs_;
  SandboxCounters* const counters_;
  const PauseOptions options_;
};

}  // namespace crisp
