// inspect, port, pods, ops, why, trace, netshell: for who looks into a node.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "client/container_row.h"
#include "client/containers.h"
#include "client/format_template.h"
#include "client/human.h"
#include "client/verbs.h"
#include "os/fd.h"

namespace crisp::client {
namespace {

using nlohmann::ordered_json;

struct Line {
  std::string name, format;
  std::vector<std::string> words;
  ListFormat list;
};

// A page of crisp's own; Unimplemented names a runtime that has none.
absl::StatusOr<std::string> Page(Session& session, const std::string& path) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  own::PageRequest request;
  request.set_path(path);
  ASSIGN_OR_RETURN(const own::PageResponse page, runtime->Call(request));
  return page.json();
}

absl::StatusOr<int> Ops(Session& session, const Line&) {
  ASSIGN_OR_RETURN(const std::string page, Page(session, "/ops"), "ask for operations in flight");
  Out(page + "\n");
  return 0;
}

absl::StatusOr<int> PodPage(Session& session, const std::string& name, const std::string& rest) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  // A pod that is being made is in no list; the page knows it by its name.
  const absl::StatusOr<cri::PodSandbox> pod = FindPod(runtime, name);
  if (!pod.ok() && !absl::IsNotFound(pod.status())) return pod.status();
  ASSIGN_OR_RETURN(const std::string page, Page(session, absl::StrCat("/pods/", pod.ok() ? pod->id() : name, rest)),
                   "ask for pod ", name);
  Out(page + "\n");
  return 0;
}

absl::StatusOr<int> Why(Session& session, const Line& line) {
  return PodPage(session, line.name, "");
}

absl::StatusOr<int> Trace(Session& session, const Line& line) {
  return PodPage(session, line.name, "/trace");
}

absl::StatusOr<int> Pods(Session& session, const Line& line) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const auto pods, runtime->Call(cri::ListPodSandboxRequest()), "list pods");
  std::vector<Row> rows;
  for (const cri::PodSandbox& pod : pods.items()) {
    Row row;
    row["ID"] = ShortId(pod.id());
    row["Created"] = Ago(pod.created_at(), Now());
    row["State"] = pod.state() == cri::SANDBOX_READY ? "Ready" : "NotReady";
    row["Name"] = pod.metadata().name();
    row["Namespace"] = pod.metadata().namespace_();
    row["Attempt"] = pod.metadata().attempt();
    row["Runtime"] = pod.runtime_handler().empty() ? "(default)" : pod.runtime_handler();
    rows.push_back(std::move(row));
  }
  const std::vector<Column> columns = {{"POD ID", "ID"},      {"CREATED", "Created"},     {"STATE", "State"},
                                       {"NAME", "Name"},      {"NAMESPACE", "Namespace"}, {"ATTEMPT", "Attempt"},
                                       {"RUNTIME", "Runtime"}};
  ASSIGN_OR_RETURN(const std::string text, FormatList(line.list, columns, rows));
  Out(text);
  return 0;
}

// The path of the pod's network namespace, as the spec of its pause container has it.
absl::StatusOr<std::string> NetworkOf(RuntimeClient* runtime, const std::string& name) {
  ASSIGN_OR_RETURN(const cri::PodSandbox pod, FindPod(runtime, name));
  cri::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(pod.id());
  request.set_verbose(true);
  ASSIGN_OR_RETURN(const auto status, runtime->Call(request), "ask for pod ", name);
  const ordered_json info = InfoOf(status.info());
  const ordered_json::json_pointer path("/runtimeSpec/linux/namespaces");
  if (info.is_object() && info.contains(path)) {
    for (const ordered_json& space : info[path]) {
      if (space.value("type", "") == "network" && space.contains("path")) return space["path"].get<std::string>();
    }
  }
  return absl::NotFoundError(absl::StrCat("pod ", name, " has no network namespace of its own that ", runtime->Name(),
                                          " tells of; it may be in the node's network"));
}

absl::StatusOr<int> Netshell(Session& session, const Line& line) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const std::string path, NetworkOf(runtime, line.words[0]));
  const Fd space(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!space.valid() || setns(space.get(), CLONE_NEWNET) != 0) {
    return absl::InternalError(absl::StrCat("enter the network namespace ", path, ": ", strerror(errno)));
  }
  std::vector<std::string> words(line.words.begin() + 1, line.words.end());
  if (!words.empty() && words[0] == "--") words.erase(words.begin());
  if (words.empty()) words = {"sh"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  const int error = errno;
  Err(absl::StrCat("crisp: run the host's ", words[0], ": ", strerror(error), "\n"));
  return error == ENOENT ? kExitNotFound : kExitCannotExecute;
}

absl::StatusOr<int> Port(Session& session, const Line& line) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ASSIGN_OR_RETURN(const ContainerView view, FindContainer(runtime, line.name));
  for (const absl::string_view port : absl::StrSplit(view.Note(kPortsNote), ", ", absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> ends = absl::StrSplit(port, "->");
    Out(absl::StrCat(ends.second, " -> ", ends.first, "\n"));
  }
  return 0;
}

absl::StatusOr<ordered_json> Inspected(RuntimeClient* runtime, const std::string& name) {
  ASSIGN_OR_RETURN(const ContainerView view, FindContainer(runtime, name));
  ASSIGN_OR_RETURN(const auto answer, StatusOf(runtime, view.container.id(), true));
  const cri::ContainerStatus& status = answer.status();
  const ordered_json info = InfoOf(answer.info());
  ordered_json document;
  document["Id"] = status.id();
  document["Name"] = view.Name();
  document["Image"] = view.ImageName();
  document["ImageId"] = status.image_id();
  document["Created"] = Rfc3339(status.created_at());
  document["State"] = {{"Status", StateText(status.state())},
                       {"Running", status.state() == cri::CONTAINER_RUNNING},
                       {"Pid", info.is_object() ? info.value("pid", 0) : 0},
                       {"ExitCode", status.exit_code()},
                       {"Reason", status.reason()},
                       {"Error", status.message()},
                       {"StartedAt", Rfc3339(status.started_at())},
                       {"FinishedAt", Rfc3339(status.finished_at())}};
  document["LogPath"] = status.log_path();
  document["Pod"] = {
      {"Id", view.pod.id()}, {"Name", view.pod.metadata().name()}, {"Namespace", view.pod.metadata().namespace_()}};
  document["Ports"] = view.Note(kPortsNote);
  document["Labels"] = std::map<std::string, std::string>(status.labels().begin(), status.labels().end());
  document["Info"] = info;
  return document;
}

absl::StatusOr<int> Inspect(Session& session, const Line& line) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  ordered_json documents = ordered_json::array();
  for (const std::string& name : line.words) {
    ASSIGN_OR_RETURN(ordered_json document, Inspected(runtime, name));
    documents.push_back(std::move(document));
  }
  if (line.format.empty() || line.format == "json") {
    Out(documents.dump(4, ' ', false, ordered_json::error_handler_t::replace) + "\n");
    return 0;
  }
  ASSIGN_OR_RETURN(const FormatTemplate form, FormatTemplate::Parse(line.format));
  for (const ordered_json& document : documents) {
    ASSIGN_OR_RETURN(const std::string text, form.Render(document));
    Out(text + "\n");
  }
  return 0;
}

using Act = absl::StatusOr<int> (*)(Session&, const Line&);

}  // namespace

void AddNodeVerbs(VerbTree* tree) {
  const auto add = [tree](const char* name, const char* text, Act act, const std::shared_ptr<Line>& line) {
    return tree->Add(tree->root(), name, text, [line, act](Session& session) { return act(session, *line); });
  };
  const auto inspect = std::make_shared<Line>(), port = std::make_shared<Line>(), pods = std::make_shared<Line>(),
             ops = std::make_shared<Line>(), why = std::make_shared<Line>(), trace = std::make_shared<Line>(),
             netshell = std::make_shared<Line>();
  CLI::App* verb = add("inspect", "Show all of containers", &Inspect, inspect);
  verb->add_option("-f,--format", inspect->format, "A Go template for each, or json")->type_name("TEMPLATE");
  verb->add_option("CONTAINER", inspect->words, "Names or ids")->required();
  add("port", "Show the ports of the host that lead to a container", &Port, port)
      ->add_option("CONTAINER", port->name, "Its name or id")
      ->required();
  VerbTree::AddListOptions(add("pods", "List pods, the kubelet's too", &Pods, pods), &pods->list, "Print ids only");
  add("ops", "Show what crispd is doing, and what each operation waits for", &Ops, ops);
  add("why", "Show all that crispd knows of a pod: state, events, what it waits for", &Why, why)
      ->add_option("POD", why->name, "Its id, name, or namespace/name")
      ->required();
  add("trace", "Show the recorded steps of a pod, also of one that is gone", &Trace, trace)
      ->add_option("POD", trace->name, "Its id, name, or namespace/name")
      ->required();
  tree->AddPassing(tree->root(), "netshell", "Run a program of the host in a pod's network",
                   [netshell](Session& session) { return Netshell(session, *netshell); })
      ->add_option("POD", netshell->words, "The pod, and a command; sh by default")
      ->required()
      ->type_name("[COMMAND...]");
}

}  // namespace crisp::client
