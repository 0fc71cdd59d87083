// SpecInputs: what the spec builder (runtime/spec.h) is told about the host, the handler and the pod of a container.
// Immutable.
#pragma once

#include <string>

#include "runtime/spec_context.h"
#include "store/layout.h"

namespace crisp {

class Pod;
class RuntimeHandlers;

class SpecInputs {
 public:
  // `handlers` must outlive the object.
  SpecInputs(Layout layout, HostFacts host, const RuntimeHandlers* handlers)
      : layout_(std::move(layout)), host_(std::move(host)), handlers_(handlers) {}

  const HostFacts& host() const { return host_; }
  // Of a container of `pod`; its pause container has the pod's id.
  SpecContext For(const Pod& pod, const std::string& container_id) const;

 private:
  const Layout layout_;
  const HostFacts host_;
  const RuntimeHandlers* const handlers_;
};

}  // namespace crisp
