#include "server/subject.h"

#include "absl/status/statusor.h"
#include "sandbox/pod.h"
#include "sandbox/pod_log.h"
#include "sandbox/pod_table.h"

namespace crisp {

OwnedLogFields NamedSubject(absl::string_view name, const std::string& value) {
  if (value.empty()) return {};
  return {{std::string(name), value}};
}

OwnedLogFields PodSubject(const PodTable& pods, const std::string& pod_id) {
  const absl::StatusOr<PodPtr> pod = pods.FindPod(pod_id);
  return pod.ok() ? LogFieldsOf(**pod) : NamedSubject("pod_id", pod_id);
}

OwnedLogFields ContainerSubject(const PodTable& pods, const std::string& container_id) {
  const absl::StatusOr<PodContainer> found = pods.FindContainer(container_id);
  return found.ok() ? LogFieldsOf(*found->pod, *found->container) : NamedSubject("container_id", container_id);
}

OwnedLogFields NewContainerSubject(const PodTable& pods, const std::string& pod_id,
                                   const cri::ContainerMetadata& name) {
  const absl::StatusOr<PodPtr> pod = pods.FindPod(pod_id);
  if (pod.ok()) return LogFieldsOf(**pod, name);
  OwnedLogFields fields = NamedSubject("pod_id", pod_id);
  fields.emplace_back("container", name.name());
  return fields;
}

OwnedLogFields NewPodSubject(const cri::PodSandboxMetadata& name) {
  return LogFieldsOf(name);
}

}  // namespace crisp
