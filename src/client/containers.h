// Containers as commands name and show them: those that crisp has made, by their names, and the kubelet's, as
// "namespace/pod/container".
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api/cri/cri.h"
#include "client/runtime_client.h"
#include "client/session.h"

namespace crisp::client {

// Marks of pods and containers that crisp's client has made. Labels, as lists can be filtered by them.
inline constexpr char kNameLabel[] = "crisp.client/name";
// Annotations, for what lists show: "docker.io/library/nginx:alpine", the words of the command in JSON,
// "0.0.0.0:80->80/tcp".
inline constexpr char kImageNote[] = "crisp.client/image";
inline constexpr char kCommandNote[] = "crisp.client/command";
inline constexpr char kPortsNote[] = "crisp.client/ports";
// The namespace of their pods.
inline constexpr char kOwnNamespace[] = "crisp";

struct ContainerView {
  cri::Container container;
  cri::PodSandbox pod;

  bool own() const { return container.labels().count(kNameLabel) != 0; }
  std::string Name() const;  // "web", "kube-system/coredns-1/coredns"
  std::string ImageName() const;
  std::string Note(const char* annotation) const;  // of the container; empty if it has none
};

// All that match, the youngest first.
absl::StatusOr<std::vector<ContainerView>> ListContainers(RuntimeClient* runtime, bool running_only = false);

// The one that `name` means: the name of an own container, the id or its beginning, "namespace/pod/container" or the
// name of a container or pod of the kubelet's if only one has it. NotFound, or InvalidArgument if it fits several.
absl::StatusOr<ContainerView> FindContainer(RuntimeClient* runtime, const std::string& name);

// The same for a command that changes something: FailedPrecondition for one of the kubelet's without --k8s.
absl::StatusOr<ContainerView> FindToChange(Session& session, const std::string& name);

// The pod that `name` means: id or its beginning, "namespace/name", or its name.
absl::StatusOr<cri::PodSandbox> FindPod(RuntimeClient* runtime, const std::string& name);

absl::StatusOr<cri::ContainerStatusResponse> StatusOf(RuntimeClient* runtime, const std::string& id, bool verbose);

// What "info" of a verbose status has: the OCI spec, the pid. Null if the runtime does not tell it.
nlohmann::ordered_json InfoOf(const google::protobuf::Map<std::string, std::string>& info);

// docker's short form.
inline std::string ShortId(const std::string& id) {
  return id.substr(0, 12);
}

}  // namespace crisp::client
