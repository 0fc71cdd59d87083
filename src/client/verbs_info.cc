// version, info: who is there.
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "client/containers.h"
#include "client/format_template.h"
#include "client/human.h"
#include "client/verbs.h"

namespace crisp::client {
namespace {

using nlohmann::ordered_json;

// A value of /etc/os-release.
std::string OsRelease(const std::string& key) {
  std::ifstream file("/etc/os-release");
  for (std::string line; std::getline(file, line);) {
    absl::string_view value = line;
    if (!absl::ConsumePrefix(&value, absl::StrCat(key, "="))) continue;
    absl::ConsumePrefix(&value, "\"");
    absl::ConsumeSuffix(&value, "\"");
    return std::string(value);
  }
  return "";
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// "yes", or why not.
std::string ConditionText(const cri::RuntimeCondition& condition) {
  if (condition.status()) return "yes";
  return absl::StrCat("no: ", condition.reason(), condition.message().empty() ? "" : ": ", condition.message());
}

void AddHost(ordered_json* info) {
  utsname host{};
  uname(&host);
  struct sysinfo memory {};
  sysinfo(&memory);
  const bool v2 = access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
  (*info)["Cgroup Version"] = v2 ? "2" : "1";
  (*info)["Kernel Version"] = std::string(host.release);
  (*info)["Operating System"] = OsRelease("PRETTY_NAME");
  (*info)["OSType"] = "linux";
  (*info)["Architecture"] = std::string(host.machine);
  (*info)["CPUs"] = sysconf(_SC_NPROCESSORS_ONLN);
  (*info)["Total Memory"] = HumanBytes(static_cast<uint64_t>(memory.totalram) * memory.mem_unit);
  (*info)["Name"] = std::string(host.nodename);
  (*info)["ID"] = FirstLine("/etc/machine-id");
}

void AddCounts(RuntimeClient* runtime, ordered_json* info) {
  const auto containers = runtime->Call(cri::ListContainersRequest());
  const auto pods = runtime->Call(cri::ListPodSandboxRequest());
  const auto images = runtime->Call(cri::ListImagesRequest());
  int running = 0;
  if (containers.ok()) {
    for (const auto& container : containers->containers()) running += container.state() == cri::CONTAINER_RUNNING;
    (*info)["Containers"] = containers->containers_size();
    (*info)["Running"] = running;
  }
  if (pods.ok()) (*info)["Pods"] = pods->items_size();
  if (images.ok()) (*info)["Images"] = images->images_size();
}

absl::StatusOr<ordered_json> Info(Session& session) {
  ASSIGN_OR_RETURN(const Endpoint endpoint, session.Socket());
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const auto version, runtime->Call(cri::VersionRequest()));
  ASSIGN_OR_RETURN(const auto status, runtime->Call(cri::StatusRequest()), "ask for the runtime's status");
  ordered_json info;
  info["Client Version"] = CRISP_VERSION;
  info["Server"] = absl::StrCat(version.runtime_name(), " ", version.runtime_version());
  info["Endpoint"] = absl::StrCat("unix://", endpoint.path);
  info["Endpoint From"] = endpoint.source;
  AddCounts(runtime, &info);
  for (const cri::RuntimeCondition& condition : status.status().conditions()) {
    info[condition.type()] = ConditionText(condition);
  }
  info["Storage Driver"] = "overlayfs";
  info["Logging Driver"] = "cri";
  const auto config = runtime->Call(cri::RuntimeConfigRequest());
  if (config.ok()) {
    info["Cgroup Driver"] = config->linux().cgroup_driver() == cri::SYSTEMD ? "systemd" : "cgroupfs";
  }
  ordered_json handlers = ordered_json::array();
  for (const cri::RuntimeHandler& handler : status.runtime_handlers()) {
    handlers.push_back(handler.name().empty() ? "(default)" : handler.name());
  }
  info["Runtimes"] = handlers;
  AddHost(&info);
  return info;
}

absl::StatusOr<int> PrintDocument(const ordered_json& document, const std::string& format) {
  if (format == "json") {
    Out(document.dump(2) + "\n");
  } else if (format.empty() || format == "yaml") {
    Out(ToYaml(document));
  } else {
    ASSIGN_OR_RETURN(const FormatTemplate form, FormatTemplate::Parse(format));
    ASSIGN_OR_RETURN(const std::string text, form.Render(document));
    Out(text + "\n");
  }
  return 0;
}

absl::StatusOr<int> Version(Session& session, const std::string& format) {
  ordered_json document;
  document["Client"] = {{"Version", CRISP_VERSION}};
  absl::Status failure;
  if (const auto runtime = session.Runtime(); runtime.ok()) {
    const auto version = (*runtime)->Call(cri::VersionRequest());
    failure = version.status();
    if (version.ok()) {
      document["Server"] = {{"Name", version->runtime_name()},
                            {"Version", version->runtime_version()},
                            {"ApiVersion", version->runtime_api_version()}};
    }
  } else {
    failure = runtime.status();
  }
  ASSIGN_OR_RETURN(const int status, PrintDocument(document, format));
  RETURN_IF_ERROR(failure);
  return status;
}

}  // namespace

void AddInfoVerbs(VerbTree* tree) {
  const auto format = std::make_shared<std::string>();
  for (CLI::App* parent : {&tree->root(), &tree->Group("system", "Look at the whole node, and tidy it")}) {
    CLI::App* const info =
        tree->Add(*parent, "info", "Show the runtime and the host", [format](Session& session) -> absl::StatusOr<int> {
          ASSIGN_OR_RETURN(const ordered_json document, Info(session));
          return PrintDocument(document, *format);
        });
    info->add_option("-f,--format", *format, "json, yaml, or a Go template")->type_name("FORM");
  }
  CLI::App* const version = tree->Add(tree->root(), "version", "Show the versions of client and runtime",
                                      [format](Session& session) { return Version(session, *format); });
  version->add_option("-f,--format", *format, "json, yaml, or a Go template")->type_name("FORM");
}

}  // namespace crisp::client
