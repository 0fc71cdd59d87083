// SpecContext: all that a container's spec depends on besides the CRI messages. Its four parts have different owners
// and lifetimes; the functions below spec.h take only the parts they need.
#pragma once

#include "runtime/container_context.h"
#include "runtime/handler_features.h"
#include "runtime/host_facts.h"
#include "runtime/pod_context.h"

namespace crisp {

struct SpecContext {
  HostFacts host;
  HandlerFeatures handler;
  PodContext pod;
  ContainerContext container;
};

}  // namespace crisp
