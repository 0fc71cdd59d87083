// run, create.
#include <unistd.h>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "client/container_end.h"
#include "client/follow.h"
#include "client/human.h"
#include "client/image_names.h"
#include "client/names.h"
#include "client/own_container.h"
#include "client/pull.h"
#include "client/verbs.h"

namespace crisp::client {
namespace {

// The options as they are written, before they are taken apart.
struct Line {
  RunSpec spec;
  bool detach = false, remove = false;
  std::string pull = "missing", network, pid, ipc, memory, memory_swap, entrypoint, detach_keys = DetachKeys::kDefault;
  std::string id_file;
  bool has_entrypoint = false;
  std::vector<std::string> words, ports, volumes, mounts, devices, environment, environment_files, labels, annotations,
      sysctls;
};

absl::Status TakePairs(const std::vector<std::string>& texts, std::map<std::string, std::string>* pairs) {
  for (const std::string& text : texts) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (pair.first.empty()) return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" has no key"));
    (*pairs)[pair.first] = pair.second;
  }
  return absl::OkStatus();
}

absl::Status TakeNamespaces(const Line& line, RunSpec* spec) {
  if (line.network == "none" || absl::StartsWith(line.network, "container:")) {
    return absl::UnimplementedError(
        absl::StrCat("--network ", line.network,
                     ": a pod is in the network that CNI is configured for, or with --network host in the "
                     "node's; CRI has no other"));
  }
  spec->host_network = line.network == "host";
  for (const auto& [name, value, host] :
       {std::tuple("--pid", line.pid, &spec->host_pid), std::tuple("--ipc", line.ipc, &spec->host_ipc)}) {
    if (!value.empty() && value != "host" && value != "private") {
      return absl::InvalidArgumentError(absl::StrCat(name, " ", value, " is unknown; there are host and private"));
    }
    *host = value == "host";
  }
  return absl::OkStatus();
}

absl::Status TakeStorage(const Line& line, RunSpec* spec) {
  const std::string here = std::filesystem::current_path().string();
  for (const std::string& text : line.volumes) {
    ASSIGN_OR_RETURN(Volume volume, ParseVolume(text, here), "-v");
    spec->volumes.push_back(std::move(volume));
  }
  for (const std::string& text : line.mounts) {
    ASSIGN_OR_RETURN(Volume volume, ParseMount(text, here), "--mount");
    spec->volumes.push_back(std::move(volume));
  }
  for (const std::string& text : line.devices) {
    ASSIGN_OR_RETURN(cri::Device device, ParseDevice(text), "--device");
    spec->devices.push_back(std::move(device));
  }
  return absl::OkStatus();
}

absl::Status TakeEnvironment(const Line& line, RunSpec* spec) {
  for (const std::string& file : line.environment_files) {
    ASSIGN_OR_RETURN(const std::vector<std::string> variables, EnvironmentFile(file), "--env-file");
    spec->environment.insert(spec->environment.end(), variables.begin(), variables.end());
  }
  for (const std::string& text : line.environment) {
    if (std::optional<std::string> variable = WithValue(text)) spec->environment.push_back(*std::move(variable));
  }
  return absl::OkStatus();
}

absl::StatusOr<RunSpec> SpecOf(const Line& line) {
  RunSpec spec = line.spec;
  spec.image = line.words[0];
  spec.arguments.assign(line.words.begin() + 1, line.words.end());
  if (line.has_entrypoint) spec.entrypoint = line.entrypoint;
  spec.stdin_once = spec.interactive && !line.detach;
  if (spec.name.empty()) spec.name = RandomName();
  RETURN_IF_ERROR(CheckName(spec.name), "--name");
  for (const std::string& text : line.ports) {
    ASSIGN_OR_RETURN(const std::vector<cri::PortMapping> mappings, ParsePorts(text), "-p");
    spec.ports.insert(spec.ports.end(), mappings.begin(), mappings.end());
  }
  if (!line.memory.empty()) {
    ASSIGN_OR_RETURN(spec.memory, ParseBytes(line.memory), "--memory");
  }
  if (!line.memory_swap.empty()) {
    ASSIGN_OR_RETURN(spec.memory_swap, ParseBytes(line.memory_swap), "--memory-swap");
  }
  RETURN_IF_ERROR(TakeNamespaces(line, &spec));
  RETURN_IF_ERROR(TakeStorage(line, &spec));
  RETURN_IF_ERROR(TakeEnvironment(line, &spec));
  RETURN_IF_ERROR(TakePairs(line.labels, &spec.labels), "--label");
  RETURN_IF_ERROR(TakePairs(line.annotations, &spec.annotations), "--annotation");
  RETURN_IF_ERROR(TakePairs(line.sysctls, &spec.sysctls), "--sysctl");
  return spec;
}

absl::Status HaveImage(Session& session, const std::string& image, const std::string& when) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  if (when != "always") {
    ASSIGN_OR_RETURN(const auto found, FindImage(runtime, image));
    if (found) return absl::OkStatus();
    if (when == "never") return NeedImage(runtime, image).status();
    Err(absl::StrCat("There is no image ", image, " here; it is pulled\n"));
  }
  return PullImage(session, image, STDERR_FILENO).status();
}

absl::StatusOr<MadeContainer> Create(Session& session, const Line& line) {
  ASSIGN_OR_RETURN(const RunSpec spec, SpecOf(line));
  RETURN_IF_ERROR(HaveImage(session, spec.image, line.pull));
  ASSIGN_OR_RETURN(MadeContainer made, CreateOwn(session, spec));
  if (!line.id_file.empty()) std::ofstream(line.id_file) << made.id;
  return made;
}

absl::StatusOr<int> RunCreate(Session& session, const Line& line) {
  ASSIGN_OR_RETURN(const MadeContainer made, Create(session, line));
  Out(made.id + "\n");
  return 0;
}

absl::Status RemoveMade(Session& session, const MadeContainer& made) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const ContainerView view, FindContainer(runtime, made.id));
  return RemoveOwn(session, view);
}

absl::StatusOr<int> Run(Session& session, const Line& line) {
  if (line.detach && line.remove) {
    return absl::UnimplementedError(
        "-d with --rm: nobody would be there to remove the container; leave out -d, or remove it by crisp rm -f");
  }
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const MadeContainer made, Create(session, line));
  if (const absl::Status started = StartContainer(runtime, made.id); !started.ok()) {
    Err(absl::StrCat("crisp: start ", made.name, ": ", started.message(), "\n"));
    if (line.remove) RETURN_IF_ERROR(RemoveMade(session, made));
    return ExitStatusOf(started);
  }
  if (line.detach) {
    Out(made.id + "\n");
    return 0;
  }
  ASSIGN_OR_RETURN(const Followed end,
                   FollowNew(runtime, made, line.spec.interactive, line.spec.terminal, line.detach_keys));
  if (end.detached) return 0;
  ASSIGN_OR_RETURN(const ContainerView view, FindContainer(runtime, made.id));
  RETURN_IF_ERROR(line.remove ? RemoveOwn(session, view) : StopOwn(runtime, view, 0));
  return end.exit_code;
}

CLI::Option* AddMany(CLI::App* verb, const char* name, std::vector<std::string>* values, const char* text,
                     const char* type) {
  return verb->add_option(name, *values, text)->type_name(type)->allow_extra_args(false);
}

void AddProcessOptions(CLI::App* run, Line* line) {
  RunSpec& spec = line->spec;
  run->add_option("--name", spec.name, "A name; adjective_noun otherwise")->type_name("NAME");
  run->add_flag("-i,--interactive", spec.interactive, "Keep its standard input open");
  run->add_flag("-t,--tty", spec.terminal, "Give it a terminal");
  AddMany(run, "-e,--env", &line->environment, "A variable; NAME alone takes the caller's value", "NAME=VALUE");
  AddMany(run, "--env-file", &line->environment_files, "A file with a variable a line", "FILE");
  run->add_option("-w,--workdir", spec.working_dir, "Where the command starts")->type_name("DIR");
  run->add_option("-u,--user", spec.user, "UID[:GID] or a name of the image")->type_name("USER");
  run->add_option("--entrypoint", line->entrypoint, "In place of the image's; \"\" for none")
      ->type_name("PROGRAM")
      ->each([line](const std::string&) { line->has_entrypoint = true; });
  run->add_option("--stop-signal", spec.stop_signal, "In place of the image's")->type_name("SIGNAL");
  AddMany(run, "-l,--label", &line->labels, "A label", "KEY=VALUE");
  AddMany(run, "--annotation", &line->annotations, "An annotation", "KEY=VALUE");
  run->add_option("--pull", line->pull, "always, missing or never")
      ->check(CLI::IsMember({"always", "missing", "never"}))
      ->type_name("WHEN")
      ->capture_default_str();
  run->add_option("--cidfile", line->id_file, "Write the container's id there")->type_name("FILE");
}

void AddPlaceOptions(CLI::App* run, Line* line) {
  RunSpec& spec = line->spec;
  AddMany(run, "-p,--publish", &line->ports, "A port of the host for one of the container", "[IP:][HOST:]PORT[/PROTO]");
  run->add_option("--network,--net", line->network, "host for the node's; else CNI's")->type_name("NETWORK");
  run->add_option("-h,--hostname", spec.hostname, "The name by default")->type_name("NAME");
  AddMany(run, "--dns", &spec.dns, "A name server", "ADDRESS");
  AddMany(run, "--dns-search", &spec.dns_search, "A search domain", "DOMAIN");
  AddMany(run, "--dns-option", &spec.dns_options, "An option of resolv.conf(5)", "OPTION");
  AddMany(run, "-v,--volume", &line->volumes, "A path of the host or a named volume", "SOURCE:TARGET[:ro]");
  AddMany(run, "--mount", &line->mounts, "type=bind|volume,source=…,target=…[,readonly]", "MOUNT");
  AddMany(run, "--device", &line->devices, "A device of the host", "HOST[:TARGET[:rwm]]");
  run->add_flag("--read-only", spec.readonly_root, "Its own root is read-only");
  run->add_option("--pid", line->pid, "host or private")->type_name("NAMESPACE");
  run->add_option("--ipc", line->ipc, "host or private")->type_name("NAMESPACE");
  AddMany(run, "--sysctl", &line->sysctls, "A setting of the pod's namespaces", "KEY=VALUE");
}

void AddLimitOptions(CLI::App* run, Line* line) {
  RunSpec& spec = line->spec;
  run->add_option("--cpus", spec.cpus, "As 1.5")->type_name("NUMBER")->check(CLI::NonNegativeNumber);
  run->add_option("--cpu-shares", spec.cpu_shares, "Its weight; 1024 is usual")->type_name("NUMBER");
  run->add_option("--cpuset-cpus", spec.cpuset_cpus, "As 0-3,7")->type_name("CPUS");
  run->add_option("--cpuset-mems", spec.cpuset_mems, "As 0-1")->type_name("NODES");
  run->add_option("-m,--memory", line->memory, "As 512m")->type_name("BYTES");
  run->add_option("--memory-swap", line->memory_swap, "Memory and swap together")->type_name("BYTES");
  run->add_option("--oom-score-adj", spec.oom_score_adj, "-1000 to 1000")->type_name("NUMBER");
  run->add_option("--cgroup-parent", spec.cgroup_parent, "The cgroup that its own goes under")->type_name("PATH");
  run->add_flag("--privileged", spec.privileged, "All capabilities and devices");
  AddMany(run, "--cap-add", &spec.add_capabilities, "A capability, or ALL", "NAME");
  AddMany(run, "--cap-drop", &spec.drop_capabilities, "A capability, or ALL", "NAME");
  AddMany(run, "--security-opt", &spec.security_options, "no-new-privileges, seccomp=…, apparmor=…", "OPTION");
}

void AddRefused(CLI::App* run) {
  const auto refuse = [run](const char* name, const char* why) { VerbTree::RefuseOption(run, name, why); };
  refuse("--restart",
         "containers are restarted by the kubelet, not by the runtime; write a static pod, or a unit of systemd");
  refuse("--add-host", "CRI has no call for it; mount a file at /etc/hosts by -v");
  refuse("--pids-limit", "CRI has no field for it; the kubelet's podPidsLimit sets it");
  refuse("--shm-size", "CRI has no field for it; mount a tmpfs of the host at /dev/shm by -v");
  refuse("--tmpfs", "CRI has no field for it; mount a tmpfs of the host by -v");
  refuse("--ulimit", "CRI has no field for it; set it in the runtime's base_runtime_spec");
  refuse("--gpus", "name the device by its CDI name in a pod");
  refuse("--ip", "addresses come from the CNI plugin");
  refuse("--mac-address", "addresses come from the CNI plugin");
  refuse("--link", "it is gone from docker too; publish ports");
  refuse("--log-driver", "logs have CRI's format; `crisp logs` shows them");
  refuse("--log-opt", "logs have CRI's format; `crisp logs` shows them");
  refuse("--health-cmd", "probes are the kubelet's");
  refuse("--platform", "the runtime pulls what fits this machine");
  refuse("--userns", "the node's configuration decides it");
  VerbTree::RefuseFlag(run, "--init", "CRI has no field for it; use an image that brings an init");
  VerbTree::RefuseFlag(run, "-P,--publish-all", "CRI does not tell an image's ports; name them by -p");
}

CLI::App* AddRunLike(VerbTree* tree, CLI::App& parent, const std::string& name, const std::string& text,
                     const std::shared_ptr<Line>& line, absl::StatusOr<int> (*action)(Session&, const Line&)) {
  CLI::App* const run =
      tree->AddPassing(parent, name, text, [line, action](Session& session) { return action(session, *line); });
  run->set_help_flag("--help", "Print this and exit");  // -h is --hostname
  AddProcessOptions(run, line.get());
  AddPlaceOptions(run, line.get());
  AddLimitOptions(run, line.get());
  AddRefused(run);
  run->add_option("IMAGE", line->words, "The image, and a command in place of the image's")
      ->required()
      ->type_name("[COMMAND...]");
  return run;
}

}  // namespace

void AddRunVerbs(VerbTree* tree) {
  for (CLI::App* parent : {&tree->root(), &tree->Group("container", "Containers: the commands of crisp on them")}) {
    const auto line = std::make_shared<Line>();
    CLI::App* const run = AddRunLike(tree, *parent, "run", "Run a command in a new container", line, &Run);
    run->add_flag("-d,--detach", line->detach, "Leave it running and print its id");
    run->add_flag("--rm", line->remove, "Remove it when it has exited");
    run->add_option("--detach-keys", line->detach_keys, "Keys that leave it running")
        ->type_name("KEYS")
        ->capture_default_str();
    AddRunLike(tree, *parent, "create", "Make a container, and do not start it", std::make_shared<Line>(), &RunCreate);
  }
}

}  // namespace crisp::client
