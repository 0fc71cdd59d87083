#include "monitor/container_facts.h"

#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "os/cgroup.h"
#include "os/file.h"
#include "os/mount_info.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/pod_table.h"
#include "sandbox/shim_facts.h"
#include "sandbox/status_message.h"
#include "stats/go_json.h"
#include "stats/verbose_status.h"

namespace crisp {
namespace {

using nlohmann::json;

const char* NameOf(Container::State state) {
  using State = Container::State;
  switch (state) {
    case State::kCreating:
      return "creating";
    case State::kAborted:
      return "aborted";
    case State::kCreated:
      return "created";
    case State::kStarting:
      return "starting";
    case State::kRunning:
      return "running";
    case State::kExited:
      return "exited";
    case State::kRemoving:
      return "removing";
    case State::kRemoved:
      return "removed";
  }
  return "";
}

// Layers are named relative to their directory.
json Layers(const Layout& layout, absl::string_view names) {
  json layers = json::array();
  for (const absl::string_view name : absl::StrSplit(names, ':')) {
    layers.push_back(absl::StartsWith(name, "/") ? std::string(name) : layout.Layer(name));
  }
  return layers;
}

json LogFacts(const Container& container) {
  std::string path;
  container.WithRecord([&path](const ContainerRecord& record) { path = record.log_path(); });
  const LogLoss loss = container.log_loss.Get();
  json log = {{"path", path}, {"lost_bytes", loss.bytes}, {"lost_lines", loss.lines}, {"dropping", loss.dropping}};
  if (!loss.error.empty()) log["error"] = loss.error;
  struct stat file {};
  if (!path.empty() && stat(path.c_str(), &file) == 0) log["bytes"] = file.st_size;
  return log;
}

json ExitFacts(const Layout& layout, const std::string& id) {
  const std::optional<ContainerExit> exit = ReadExit(layout, id);
  if (!exit) return nullptr;
  return {{"exit_code", exit->exit_code}, {"finished_at", exit->finished_at}, {"oom_killed", exit->oom_killed}};
}

// [{"key", "value"}] of CRI, and ["NAME=value"] of OCI.
void HideEnvironment(json* node) {
  if (node->is_object()) {
    for (auto& [name, value] : node->items()) {
      if (name == "envs" && value.is_array()) {
        for (json& variable : value) {
          if (variable.is_object() && variable.contains("value")) variable["value"] = "***";
        }
      } else if (name == "env" && value.is_array()) {
        for (json& variable : value) {
          if (!variable.is_string()) continue;
          const std::string text = variable;
          variable = absl::StrCat(text.substr(0, text.find('=')), "=***");
        }
      } else {
        HideEnvironment(&value);
      }
    }
  } else if (node->is_array()) {
    for (json& value : *node) HideEnvironment(&value);
  }
}

}  // namespace

json InfoWithoutSecrets(const std::string& text) {
  json info = json::parse(text, nullptr, /*allow_exceptions=*/false);
  HideEnvironment(&info);
  return info;
}

json RootfsFacts(const Layout& layout, const std::string& path) {
  const absl::StatusOr<MountInfo> mount = MountOf(path);
  const bool mounted = mount.ok() && mount->mount_point == path;
  json rootfs = {{"path", path}, {"mounted", mounted}};
  if (!mounted) return rootfs;
  for (absl::string_view option : absl::StrSplit(mount->options, ',')) {
    // "lowerdir+=" for each, where they were given one by one (Linux 6.7).
    if (absl::ConsumePrefix(&option, "lowerdir=") || absl::ConsumePrefix(&option, "lowerdir+=")) {
      for (json& layer : Layers(layout, option)) rootfs["layers"].push_back(std::move(layer));
    } else if (absl::ConsumePrefix(&option, "upperdir=")) {
      rootfs["upper"] = std::string(option);
    }
  }
  return rootfs;
}

json CgroupFacts(const std::string& cgroups_path, bool systemd) {
  json all = json::array();
  for (const cgroup::Dir& dir : ContainerCgroups(cgroups_path, systemd).value_or(cgroup::Dirs())) {
    if (!Exists(dir.path)) continue;
    json one = {{"path", dir.path}, {"processes", cgroup::Processes({dir}).size()}};
    for (const char* file : {"memory.max", "memory.high", "memory.swap.max", "memory.current", "memory.limit_in_bytes",
                             "memory.memsw.limit_in_bytes", "memory.usage_in_bytes", "cpu.max", "cpu.weight",
                             "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.shares", "cpuset.cpus", "cpuset.mems",
                             "pids.max", "pids.current", "cgroup.freeze"}) {
      const absl::StatusOr<std::string> text = ReadFileAt(AT_FDCWD, absl::StrCat(dir.path, "/", file), 4096);
      if (text.ok()) one[file] = std::string(absl::StripSuffix(*text, "\n"));
    }
    all.push_back(std::move(one));
  }
  return all;
}

json ContainerFacts(const Layout& layout, const PodContainer& found) {
  const Container& container = *found.container;
  const ContainerRecord record = container.record();
  return {{"id", container.id()},
          {"name", record.config().metadata().name()},
          {"attempt", record.config().metadata().attempt()},
          {"state", NameOf(container.state())},
          {"phase", static_cast<int>(PhaseOf(container.state()))},
          {"visible", container.visible()},
          {"status", GoJson(ContainerStatusMessage(container))},
          {"info", InfoWithoutSecrets(VerboseInfo(layout, found))},
          {"bundle", layout.Bundle(found.pod->id(), container.id())},
          {"rootfs", RootfsFacts(layout, layout.Rootfs(found.pod->id(), container.id()))},
          {"directory", layout.Container(container.id())},
          {"cgroups", CgroupFacts(record.cgroups_path(), found.pod->runtime().systemd_cgroup)},
          {"log", LogFacts(container)},
          {"exit_record", ExitFacts(layout, container.id())}};
}

}  // namespace crisp
