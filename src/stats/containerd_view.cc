#include "stats/containerd_view.h"

#include <fcntl.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json_reader.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/pod_table.h"

namespace crisp {
namespace {

using google::protobuf::Timestamp;
using Labels = google::protobuf::Map<std::string, std::string>;

constexpr char kKindLabel[] = "io.cri-containerd.kind";
constexpr char kSpecType[] = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
constexpr size_t kMostSpec = 16 << 20;

absl::Status Unknown(const std::string& id) {
  return absl::NotFoundError(absl::StrCat("container \"", id, "\" in namespace \"k8s.io\": not found"));
}

absl::Status NoProcess(const std::string& id) {
  return absl::NotFoundError(absl::StrCat("no running task found: task ", id, " not found"));
}

Timestamp TimestampOf(int64_t nanos) {
  constexpr int64_t kNanosPerSecond = 1'000'000'000;
  Timestamp time;
  time.set_seconds(nanos / kNanosPerSecond);
  time.set_nanos(static_cast<int32_t>(nanos % kNanosPerSecond));
  return time;
}

// The kubelet sets these labels itself; other clients do not.
void AddPodLabels(const cri::PodSandboxMetadata& pod, Labels* labels) {
  labels->insert({"io.kubernetes.pod.name", pod.name()});
  labels->insert({"io.kubernetes.pod.namespace", pod.namespace_()});
  labels->insert({"io.kubernetes.pod.uid", pod.uid()});
}

// The name by which people know the image, from the annotations that crisp gives each spec; empty if it has none.
absl::StatusOr<std::string> ImageNameIn(const std::string& spec) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(spec));
  ASSIGN_OR_RETURN(const std::optional<JsonReader> annotations, document.root().Object("annotations"));
  if (!annotations.has_value()) return std::string();
  ASSIGN_OR_RETURN(std::string name, annotations->String("io.kubernetes.cri.image-name"));
  return name.empty() ? annotations->String("io.kubernetes.cri.podsandbox.image-name") : std::move(name);
}

// The members that containers and pause containers have alike. The spec is read as it is, and empty if it cannot be.
containerd_containers::Container Describe(const std::string& id, int64_t created_at, const std::string& spec_file) {
  containerd_containers::Container container;
  container.set_id(id);
  container.mutable_runtime()->set_name("io.containerd.runc.v2");
  container.set_snapshotter("overlayfs");
  container.set_snapshot_key(id);
  *container.mutable_created_at() = TimestampOf(created_at);
  *container.mutable_updated_at() = container.created_at();
  std::string spec = ReadFileAt(AT_FDCWD, spec_file, kMostSpec).value_or("{}");
  container.set_image(ImageNameIn(spec).value_or(""));
  container.mutable_spec()->set_type_url(kSpecType);
  container.mutable_spec()->set_value(std::move(spec));
  return container;
}

// Null unless it has exactly this id.
std::optional<PodContainer> Find(const PodTable& table, const std::string& id) {
  absl::StatusOr<PodContainer> found = table.FindContainer(id);
  if (!found.ok() || found->container->id() != id) return std::nullopt;
  return *std::move(found);
}

containerd_types::Process RunningProcess(const std::string& id, pid_t pid) {
  containerd_types::Process process;
  process.set_id(id);
  process.set_pid(static_cast<uint32_t>(pid));
  process.set_status(containerd_types::RUNNING);
  return process;
}

}  // namespace

absl::StatusOr<containerd_containers::Container> ContainerdView::OfContainer(const std::string& id) const {
  if (const PodPtr pod = table_->ById(id)) {
    const PodRecord record = pod->record();
    containerd_containers::Container sandbox = Describe(id, record.created_at(), layout_.Spec(id, id));
    *sandbox.mutable_labels() = record.config().labels();
    AddPodLabels(record.config().metadata(), sandbox.mutable_labels());
    (*sandbox.mutable_labels())[kKindLabel] = "sandbox";
    return sandbox;
  }
  const std::optional<PodContainer> found = Find(*table_, id);
  if (!found) return Unknown(id);
  const ContainerRecord record = found->container->record();
  containerd_containers::Container container = Describe(id, record.created_at(), layout_.Spec(found->pod->id(), id));
  if (container.image().empty()) container.set_image(record.image_ref());
  *container.mutable_labels() = record.config().labels();
  found->pod->WithRecord(
      [&](const PodRecord& pod) { AddPodLabels(pod.config().metadata(), container.mutable_labels()); });
  container.mutable_labels()->insert({"io.kubernetes.container.name", record.config().metadata().name()});
  (*container.mutable_labels())[kKindLabel] = "container";
  return container;
}

absl::StatusOr<containerd_types::Process> ContainerdView::ProcessOf(const std::string& id) const {
  if (const PodPtr pod = table_->ById(id)) {
    const pid_t pid = pod->record().pause_pid();
    const Pod::State state = pod->state();
    const bool runs = pid > 0 && (state == Pod::State::kCreating || state == Pod::State::kReady);
    if (!runs) return NoProcess(id);
    return RunningProcess(id, pid);
  }
  const std::optional<PodContainer> found = Find(*table_, id);
  if (!found) return Unknown(id);
  const ContainerView view = found->container->view();
  if (view.state == cri::CONTAINER_RUNNING && view.pid > 0) return RunningProcess(id, view.pid);
  if (view.state != cri::CONTAINER_EXITED) return NoProcess(id);
  containerd_types::Process process;
  process.set_id(id);
  process.set_status(containerd_types::STOPPED);
  process.set_exit_status(static_cast<uint32_t>(view.exit_code));
  *process.mutable_exited_at() = TimestampOf(view.finished_at);
  return process;
}

}  // namespace crisp
