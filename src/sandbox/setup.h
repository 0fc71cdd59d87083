// Setup: what pods and containers are made by: the options, the runtimes and this node. Immutable; a reload exchanges
// it as a whole, and each operation keeps the one that it began with.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/reloadable.h"
#include "runtime/spec_context.h"
#include "sandbox/handlers.h"
#include "sandbox/node_facts.h"
#include "sandbox/sandbox_options.h"
#include "store/layout.h"

namespace crisp {

class Pod;

struct Setup {
  SandboxOptions options;
  RuntimeHandlers handlers;
  NodeFacts facts;
};

using SetupSource = Reloadable<const Setup>;

// Reads what the options need of the node, and asks each runtime what it can do.
absl::StatusOr<std::shared_ptr<const Setup>> MakeSetup(SandboxOptions options, const Layout& layout);

// The runtimes of `before` that `options` lack are added, for the pods that they have; no new pod can run on them.
void KeepFormerRuntimes(const SandboxOptions& before, SandboxOptions* options);

// What the spec builder (runtime/spec.h) is told about the host, the handler and the pod of a container. A pause
// container has its pod's id.
SpecContext SpecContextOf(const Layout& layout, const Setup& setup, const Pod& pod, const std::string& container_id);

}  // namespace crisp
