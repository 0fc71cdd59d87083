// ps.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "client/container_row.h"
#include "client/containers.h"
#include "client/verbs.h"

namespace crisp::client {
namespace {

struct Line {
  ListFormat format;
  bool all = false, kubernetes = false, whole = false, latest = false;
  size_t last = 0;
  std::vector<std::string> filters;
};

absl::StatusOr<bool> Fits(const ContainerView& view, const std::string& filter) {
  const std::pair<std::string, std::string> pair = absl::StrSplit(filter, absl::MaxSplits('=', 1));
  const auto& [key, value] = pair;
  if (key == "name") return view.Name().find(value) != std::string::npos;
  if (key == "id") return view.container.id().rfind(value, 0) == 0;
  if (key == "ancestor") return view.ImageName() == value || view.ImageName().find(value) != std::string::npos;
  if (key == "status") return StateText(view.container.state()) == value;
  if (key == "label") {
    const std::pair<std::string, std::string> label = absl::StrSplit(value, absl::MaxSplits('=', 1));
    const auto found = view.container.labels().find(label.first);
    return found != view.container.labels().end() &&
           (value.find('=') == std::string::npos || found->second == label.second);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown filter \"", filter, "\"; there are name=, id=, ancestor=, status= and label="));
}

absl::StatusOr<bool> IsWanted(const ContainerView& view, const Line& line) {
  if (!view.own() && !line.kubernetes) return false;
  bool by_status = false;
  for (const std::string& filter : line.filters) {
    ASSIGN_OR_RETURN(const bool fits, Fits(view, filter), "--filter");
    if (!fits) return false;
    by_status = by_status || filter.rfind("status=", 0) == 0;
  }
  return line.all || by_status || line.last > 0 || view.container.state() == cri::CONTAINER_RUNNING;
}

std::vector<Column> Columns(const Line& line) {
  std::vector<Column> columns = {{"CONTAINER ID", "ID"},    {"IMAGE", "Image"},   {"COMMAND", "Command"},
                                 {"CREATED", "CreatedAgo"}, {"STATUS", "Status"}, {"PORTS", "Ports"}};
  if (line.kubernetes) {
    columns.push_back({"NAMESPACE", "Namespace"});
    columns.push_back({"POD", "Pod"});
    columns.push_back({"ATTEMPT", "Attempt"});
  }
  columns.push_back({"NAMES", "Names"});
  columns.push_back({"POD ID", "PodID", true});
  return columns;
}

absl::StatusOr<int> Ps(Session& session, Line line) {
  ASSIGN_OR_RETURN(RuntimeClient* const runtime, session.Runtime());
  if (line.latest) line.last = 1;
  ASSIGN_OR_RETURN(const std::vector<ContainerView> views, ListContainers(runtime));
  std::vector<Row> rows;
  for (const ContainerView& view : views) {
    ASSIGN_OR_RETURN(const bool wanted, IsWanted(view, line));
    if (!wanted || (line.last > 0 && rows.size() == line.last)) continue;
    rows.push_back(ContainerRow(runtime, view, line.whole));
  }
  line.format.name_field = "Names";
  ASSIGN_OR_RETURN(const std::string text, FormatList(line.format, Columns(line), rows));
  Out(text);
  return 0;
}

void AddPs(VerbTree* tree, CLI::App& parent, const std::string& name) {
  const auto line = std::make_shared<Line>();
  CLI::App* const ps =
      tree->Add(parent, name, "List containers", [line](Session& session) { return Ps(session, *line); });
  VerbTree::AddListOptions(ps, &line->format, "Print ids only");
  ps->add_flag("-a,--all", line->all, "Also those that do not run");
  ps->add_flag("-A,--all-namespaces", line->kubernetes, "Also the kubelet's, with their pods");
  ps->add_flag("--no-trunc", line->whole, "Whole ids and commands");
  ps->add_flag("-l,--latest", line->latest, "Only the latest one, in any state");
  ps->add_option("-n,--last", line->last, "Only the latest ones, in any state")->type_name("COUNT");
  ps->add_option("-f,--filter", line->filters, "name=, id=, ancestor=, status=, label=; may be repeated")
      ->type_name("FILTER")
      ->allow_extra_args(false);
  VerbTree::RefuseFlag(ps, "-s,--size", "`crisp stats` shows what containers use");
}

}  // namespace

void AddListVerbs(VerbTree* tree) {
  CLI::App& group = tree->Group("container", "Containers: the commands of crisp on them");
  AddPs(tree, tree->root(), "ps");
  AddPs(tree, group, "ls");
}

}  // namespace crisp::client
