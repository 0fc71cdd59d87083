// What an RPC is about, as fields of its log line: those of pods and containers have the names that all lines use
// (sandbox/pod_log.h).
#pragma once

#include <string>

#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"
#include "base/log.h"

namespace crisp {

class PodTable;

// A pod or container that `pods` does not have is named by the id that the client gave. No fields for no id.
OwnedLogFields PodSubject(const PodTable& pods, const std::string& pod_id);
OwnedLogFields ContainerSubject(const PodTable& pods, const std::string& container_id);
// Of a container that is to be created.
OwnedLogFields NewContainerSubject(const PodTable& pods, const std::string& pod_id, const cri::ContainerMetadata& name);
OwnedLogFields NewPodSubject(const cri::PodSandboxMetadata& name);
// A field that is left out if it has no value.
OwnedLogFields NamedSubject(absl::string_view name, const std::string& value);

// Of a request of any RPC, before it is served: a removal leaves nothing to look up.
template <typename Request>
OwnedLogFields SubjectOf(const Request& request, const PodTable& pods) {
  if constexpr (requires { request.container_id(); }) {
    return ContainerSubject(pods, request.container_id());
  } else if constexpr (requires { request.pod_sandbox_id(), request.config(); }) {
    return NewContainerSubject(pods, request.pod_sandbox_id(), request.config().metadata());
  } else if constexpr (requires { request.pod_sandbox_id(); }) {
    return PodSubject(pods, request.pod_sandbox_id());
  } else if constexpr (requires { request.config().metadata(); }) {
    return NewPodSubject(request.config().metadata());
  } else if constexpr (requires { request.image().image(); }) {
    return NamedSubject("image", request.image().image());
  } else if constexpr (requires { request.image().size(), request.name().size(); }) {
    return {{"image", request.image()}, {"name", request.name()}};
  } else if constexpr (requires { request.images().begin()->size(); }) {
    return NamedSubject("images", absl::StrJoin(request.images(), " "));
  } else if constexpr (requires { request.image().size(); }) {
    return NamedSubject("image", request.image());
  } else if constexpr (requires { request.runtime_config().network_config().pod_cidr(); }) {
    return NamedSubject("pod_cidr", request.runtime_config().network_config().pod_cidr());
  } else {
    return {};
  }
}

// What the answer adds: the id of what was made.
template <typename Request, typename Response>
OwnedLogFields CreatedBy(const Request& request, const Response& response) {
  if constexpr (requires { request.config(), response.container_id(); }) {
    return NamedSubject("container_id", response.container_id());
  } else if constexpr (requires { request.config(), response.pod_sandbox_id(); }) {
    return NamedSubject("pod_id", response.pod_sandbox_id());
  } else {
    return {};
  }
}

}  // namespace crisp
