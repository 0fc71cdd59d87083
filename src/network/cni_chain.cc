#include "network/cni_chain.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/default_path.h"
#include "base/excerpt.h"
#include "base/json_reader.h"
#include "base/status_macros.h"
#include "network/cni_result.h"
#include "os/process.h"

namespace crisp {
namespace {

std::vector<std::string> Environment(const char* verb, const CniTarget& target,
                                     const std::vector<std::string>& bin_dirs) {
  const char* path = getenv("PATH");
  return {absl::StrCat("PATH=", path != nullptr ? path : kDefaultPath),
          absl::StrCat("CNI_COMMAND=", verb),
          absl::StrCat("CNI_CONTAINERID=", target.container_id),
          absl::StrCat("CNI_NETNS=", target.netns),
          absl::StrCat("CNI_IFNAME=", target.ifname),
          absl::StrCat("CNI_ARGS=", target.args),
          absl::StrCat("CNI_PATH=", absl::StrJoin(bin_dirs, ":"))};
}

// The parts of `runtime_config` for which `plugin` declares the capability.
Json RuntimeConfigFor(const CniPlugin& plugin, const Json& runtime_config) {
  Json wanted = Json::object();
  for (const auto& [name, value] : runtime_config.items()) {
    if (plugin.capabilities.contains(name)) wanted[name] = value;
  }
  return wanted;
}

// Section 3, "Deriving execution configuration from plugin configuration".
Json ExecutionConfig(const CniConfigList& config, const CniPlugin& plugin, const CniTarget& target,
                     const Json& prev_result) {
  Json derived = plugin.config;
  derived["cniVersion"] = config.version;
  derived["name"] = config.name;
  if (Json runtime = RuntimeConfigFor(plugin, target.runtime_config); !runtime.empty()) {
    derived["runtimeConfig"] = std::move(runtime);
  }
  derived.erase("capabilities");
  if (!prev_result.is_null()) derived["prevResult"] = prev_result;
  return derived;
}

std::string WhyItFailed(const CommandResult& result) {
  if (std::string told = CniErrorText(result.output); !told.empty()) return told;
  std::string why = result.Describe();
  if (const std::string said = Excerpt(result.output); !said.empty()) absl::StrAppend(&why, "; it wrote: ", said);
  return why;
}

std::string SecondsUntil(const CallContext& call) {
  return absl::FormatDuration(absl::Milliseconds(
      std::chrono::duration_cast<std::chrono::milliseconds>(call.deadline() - MonoClock::now()).count()));
}

// Returns the plugin's standard output. `config` is its execution configuration.
absl::StatusOr<std::string> RunUncounted(const char* verb, const std::string& type, const Json& config,
                                         const CniTarget& target, const std::vector<std::string>& bin_dirs,
                                         const CallContext& call, TimeCounts* times) {
  RETURN_IF_ERROR(call.Check(), verb);
  Command command;
  ASSIGN_OR_RETURN(command.path, FindPlugin(type, bin_dirs));
  command.env = Environment(verb, target, bin_dirs);
  command.input = DumpJson(config);
  const std::string allowed = SecondsUntil(call);
  const MonoTime start = MonoClock::now();
  auto result = RunCommand(command, call);
  times->Add(MonoClock::now() - start);
  if (absl::IsDeadlineExceeded(result.status())) {
    return absl::DeadlineExceededError(absl::StrCat(verb, " has not ended in ", allowed, " and was killed"));
  }
  RETURN_IF_ERROR(result, verb);
  if (!result->ok()) return absl::InternalError(absl::StrCat(verb, ": ", WhyItFailed(*result)));
  return std::move(result->output);
}

absl::StatusOr<std::string> RunPlugin(const char* verb, const std::string& type, const Json& config,
                                      const CniTarget& target, const CniPlugins& plugins, const CallContext& call) {
  PluginRuns& runs = plugins.counters->plugins.Of(type).commands.Of(verb);
  absl::StatusOr<std::string> output = RunUncounted(verb, type, config, target, plugins.bin_dirs, call, &runs.times);
  if (!output.ok()) runs.failures.Add();
  return output;
}

absl::StatusOr<Json> AddPlugin(const CniConfigList& config, const CniPlugin& plugin, const CniTarget& target,
                               const Json& prev_result, const CniPlugins& plugins, const CallContext& call) {
  const Json derived = ExecutionConfig(config, plugin, target, prev_result);
  ASSIGN_OR_RETURN(const std::string output, RunPlugin("ADD", plugin.type, derived, target, plugins, call));
  auto result = ParseCniResult(output, config.version);
  RETURN_IF_ERROR(result, "ADD answered \"", Excerpt(output), "\"");
  return result;
}

std::string NameOf(const CniConfigList& config, const CniPlugin& plugin) {
  return absl::StrCat("plugin ", plugin.type, " (", config.file, ")");
}

}  // namespace

CallContext PartOfCall(const CallContext& call, size_t parts) {
  if (call.deadline() == kNoDeadline) return call;
  return call.Within((call.deadline() - MonoClock::now()) / static_cast<int64_t>(parts));
}

absl::StatusOr<std::string> FindPlugin(const std::string& type, const std::vector<std::string>& bin_dirs) {
  for (const std::string& dir : bin_dirs) {
    std::string path = absl::StrCat(dir, "/", type);
    struct stat info {};
    if (stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0) return path;
  }
  return absl::InternalError(absl::StrCat("no program ", type, " in ", absl::StrJoin(bin_dirs, ", "),
                                          ": install the CNI plugin, or set bin_dir to where it is"));
}

absl::StatusOr<Json> AddNetwork(const CniConfigList& config, const CniTarget& target, const CniPlugins& plugins,
                                const CallContext& call) {
  Json result;
  for (const CniPlugin& plugin : config.plugins) {
    ASSIGN_OR_RETURN(result, AddPlugin(config, plugin, target, result, plugins, call), NameOf(config, plugin));
  }
  return result;
}

absl::Status DelNetwork(const CniConfigList& config, const CniTarget& target, const Json& result,
                        const CniPlugins& plugins, const CallContext& call) {
  // DEL has a prevResult since version 0.4.0.
  const Json prev_result = CniVersionLess(config.version, "0.4.0") ? Json() : result;
  absl::Status status;
  for (size_t left = config.plugins.size(); left > 0; --left) {
    const CniPlugin& plugin = config.plugins[left - 1];
    const Json derived = ExecutionConfig(config, plugin, target, prev_result);
    const auto run = [&] { return RunPlugin("DEL", plugin.type, derived, target, plugins, PartOfCall(call, left)); };
    absl::Status deleted = run().status();
    // A plugin that was killed in ADD can leave a state in which its first DEL fails and the second one succeeds
    // (bridge with ipMasq).
    if (!deleted.ok() && result.is_null()) deleted = run().status();
    status = Join(status, Annotate(deleted, NameOf(config, plugin)));
  }
  return status;
}

std::vector<absl::Status> CheckNetwork(const CniConfigList& config, const CniTarget& target, const Json& result,
                                       const CniPlugins& plugins, const CallContext& call) {
  std::vector<absl::Status> answers;
  size_t left = config.plugins.size();
  for (const CniPlugin& plugin : config.plugins) {
    const Json derived = ExecutionConfig(config, plugin, target, result);
    answers.push_back(RunPlugin("CHECK", plugin.type, derived, target, plugins, PartOfCall(call, left--)).status());
  }
  return answers;
}

absl::Status CollectNetworkGarbage(const CniConfigList& config, const std::vector<CniTarget>& valid,
                                   const CniPlugins& plugins, const CallContext& call) {
  Json attachments = Json::array();
  for (const CniTarget& target : valid) {
    attachments.push_back({{"containerID", target.container_id}, {"ifname", target.ifname}});
  }
  absl::Status status;
  size_t left = config.plugins.size();
  for (const CniPlugin& plugin : config.plugins) {
    Json derived = ExecutionConfig(config, plugin, CniTarget(), Json());
    derived["cni.dev/valid-attachments"] = attachments;
    derived["cni.dev/attachments"] = attachments;  // the name in the first text of spec 1.1.0
    const auto collected = RunPlugin("GC", plugin.type, derived, CniTarget(), plugins, PartOfCall(call, left--));
    status = Join(status, Annotate(collected.status(), NameOf(config, plugin)));
  }
  return status;
}

absl::Status AskNetwork(const CniConfigList& config, const CniPlugins& plugins, const CallContext& call) {
  for (const CniPlugin& plugin : config.plugins) {
    const Json derived = ExecutionConfig(config, plugin, CniTarget(), Json());
    RETURN_IF_ERROR(RunPlugin("STATUS", plugin.type, derived, CniTarget(), plugins, call), NameOf(config, plugin));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> AskPluginVersions(const std::string& type, const CniPlugins& plugins,
                                                           const CallContext& call) {
  // The version of the question itself; plugins of the first specifications want one.
  const Json question = {{"cniVersion", "1.0.0"}};
  ASSIGN_OR_RETURN(const std::string output, RunPlugin("VERSION", type, question, CniTarget(), plugins, call));
  const auto answer = JsonDocument::Parse(output);
  RETURN_IF_ERROR(answer, "VERSION answered \"", Excerpt(output), "\"");
  return answer->root().Strings("supportedVersions");
}

}  // namespace crisp
