#include "monitor/pod_facts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/lines_about.h"
#include "base/recorder.h"
#include "monitor/container_facts.h"
#include "monitor/operations_text.h"
#include "os/file.h"
#include "os/process_state.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/pod_log.h"
#include "sandbox/pod_table.h"
#include "sandbox/status_message.h"
#include "stats/cni_summary.h"
#include "stats/go_json.h"
#include "stats/verbose_status.h"

namespace crisp {
namespace {

using nlohmann::json;

constexpr size_t kMostEvents = 100;
constexpr size_t kMostShimLog = 4096;  // bytes

const char* NameOf(Pod::State state) {
  using State = Pod::State;
  switch (state) {
    case State::kCreating:
      return "creating";
    case State::kUndoing:
      return "undoing";
    case State::kLeftover:
      return "leftover";
    case State::kReady:
      return "ready";
    case State::kEnded:
      return "ended";
    case State::kStopping:
      return "stopping";
    case State::kStopped:
      return "stopped";
    case State::kRemoving:
      return "removing";
    case State::kRemoved:
      return "removed";
  }
  return "";
}

// "net:[4026532001]", as /proc/PID/ns has it; null if there is none.
json Namespace(const std::string& kind, const std::string& path) {
  struct stat file {};
  if (path.empty() || stat(path.c_str(), &file) != 0) return nullptr;
  return absl::StrCat(kind, ":[", file.st_ino, "]");
}

json PinnedNamespaces(const Layout& layout, const std::string& pod_id) {
  json pins = json::object();
  for (const char* kind : {"ipc", "uts", "pid", "user"}) {
    json pin = Namespace(kind, layout.NamespacePin(pod_id, kind));
    if (!pin.is_null()) pins[kind] = std::move(pin);
  }
  return pins;
}

// The program of a process; " (deleted)" behind it once another version has been installed.
std::string ProgramOf(pid_t pid) {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = readlink(absl::StrCat("/proc/", pid, "/exe").c_str(), path.data(), path.size());
  return length < 0 ? "" : std::string(path.data(), static_cast<size_t>(length));
}

std::string EndOf(const std::string& file) {
  std::string text = ReadFileAt(AT_FDCWD, file, 1 << 20).value_or("");
  if (text.size() > kMostShimLog) text.erase(0, text.size() - kMostShimLog);
  return text;
}

json ShimFacts(const Layout& layout, const Pod& pod) {
  const std::shared_ptr<Shim> shim = pod.shim.Get();
  json facts = {{"connected", shim != nullptr}, {"log", EndOf(layout.ShimLog(pod.id()))}};
  if (shim == nullptr) return facts;
  facts["pid"] = shim->pid();
  facts["program"] = ProgramOf(shim->pid());
  if (const std::optional<ProcessState> state = StateOf(shim->pid())) {
    facts["state"] = std::string(1, state->state);
    facts["waits_in"] = state->waits_in;
    facts["stack"] = state->stack;
  }
  return facts;
}

json NetworkFacts(const PodRecord& record) {
  return {{"netns", record.netns_path()},
          {"namespace", Namespace("net", record.netns_path())},
          {"ip", record.ip()},
          {"cni_plan", record.cni_plan()},
          {"cni_result", CniSummary(record.cni_result())}};
}

json ContainersOf(const Layout& layout, const PodPtr& pod) {
  json containers = json::array();
  for (const ContainerPtr& container : pod->containers.All()) {
    containers.push_back(ContainerFacts(layout, {pod, container}));
  }
  return containers;
}

json OperationsOn(const LinesAbout& about) {
  return OperationList([&](const OperationView& view) { return about(JsonLogFields(ViewOf(view.fields))); });
}

json Events(const Recorder* recorder, const LinesAbout& about) {
  if (recorder == nullptr) return json::array();
  std::vector<std::string> lines = recorder->Lines(about);
  if (lines.size() > kMostEvents) lines.erase(lines.begin(), lines.end() - kMostEvents);
  json events = json::array();
  for (const std::string& line : lines) events.push_back(json::parse(line, nullptr, /*allow_exceptions=*/false));
  return events;
}

}  // namespace

json PodSummary(const Pod& pod) {
  json summary;
  pod.WithRecord([&](const PodRecord& record) {
    const cri::PodSandboxMetadata& name = record.config().metadata();
    summary = {{"id", pod.id()},    {"namespace", name.namespace_()}, {"name", name.name()},
               {"uid", name.uid()}, {"attempt", name.attempt()},      {"created_at", record.created_at()}};
  });
  summary["state"] = NameOf(pod.state());
  summary["containers"] = pod.containers.All().size();
  return summary;
}

json PodFacts(const Layout& layout, const PodPtr& held, const Recorder* recorder) {
  const Pod& pod = *held;
  const PodRecord record = pod.record();
  const LinesAbout about(LogFieldsOf(pod));
  json facts = PodSummary(pod);
  facts["phase"] = static_cast<int>(PhaseOf(pod.state()));
  facts["visible"] = pod.visible();
  facts["status"] = GoJson(PodStatusMessage(pod));
  facts["info"] = InfoWithoutSecrets(VerboseInfo(layout, pod));
  facts["shim"] = ShimFacts(layout, pod);
  facts["network"] = NetworkFacts(record);
  facts["cgroups"] = CgroupFacts(record.cgroups_path(), pod.runtime().systemd_cgroup);
  facts["namespaces"] = PinnedNamespaces(layout, pod.id());
  facts["rootfs"] = RootfsFacts(layout, layout.Rootfs(pod.id(), pod.id()));
  facts["exit_record"] = Exists(layout.ExitRecord(pod.id()));
  facts["containers"] = ContainersOf(layout, held);
  facts["operations"] = OperationsOn(about);
  facts["events"] = Events(recorder, about);
  return facts;
}

}  // namespace crisp
