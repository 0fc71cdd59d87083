#include "client/container_row.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/human.h"
#include "client/image_names.h"

namespace crisp::client {
namespace {

using nlohmann::ordered_json;

std::vector<std::string> WordsOf(const ordered_json& list) {
  std::vector<std::string> words;
  if (!list.is_array()) return words;
  for (const ordered_json& word : list) {
    if (word.is_string()) words.push_back(word);
  }
  return words;
}

std::string LabelsText(const cri::Container& container) {
  std::map<std::string, std::string> sorted(container.labels().begin(), container.labels().end());
  std::vector<std::string> labels;
  for (const auto& [key, value] : sorted) labels.push_back(absl::StrCat(key, "=", value));
  return absl::StrJoin(labels, ",");
}

}  // namespace

std::string StateText(cri::ContainerState state) {
  switch (state) {
    case cri::CONTAINER_CREATED:
      return "created";
    case cri::CONTAINER_RUNNING:
      return "running";
    case cri::CONTAINER_EXITED:
      return "exited";
    default:
      return "unknown";
  }
}

std::string StatusText(const cri::ContainerStatus& status, int64_t now) {
  switch (status.state()) {
    case cri::CONTAINER_CREATED:
      return "Created";
    case cri::CONTAINER_RUNNING:
      return absl::StrCat("Up ", HumanDuration(now - status.started_at()));
    case cri::CONTAINER_EXITED:
      return absl::StrCat(status.reason() == "OOMKilled" ? "OOM killed (" : "Exited (", status.exit_code(), ") ",
                          Ago(status.finished_at(), now));
    default:
      return "Unknown";
  }
}

std::string CommandText(const std::vector<std::string>& words, bool whole) {
  const std::string text = absl::StrJoin(words, " ");
  return absl::StrCat("\"", whole ? text : CutAt(text, 20), "\"");
}

std::vector<std::string> CommandOf(RuntimeClient* runtime, const ContainerView& view) {
  if (view.own()) {
    return WordsOf(ordered_json::parse(view.Note(kCommandNote), nullptr, /*allow_exceptions=*/false));
  }
  const auto status = StatusOf(runtime, view.container.id(), true);
  if (!status.ok()) return {};
  const ordered_json info = InfoOf(status->info());
  const ordered_json::json_pointer path("/runtimeSpec/process/args");
  return info.is_object() && info.contains(path) ? WordsOf(info[path]) : std::vector<std::string>();
}

Row ContainerRow(RuntimeClient* runtime, const ContainerView& view, bool whole) {
  const cri::Container& container = view.container;
  const int64_t now = Now();
  const auto status = StatusOf(runtime, container.id(), false);
  Row row;
  row["ID"] = whole ? container.id() : ShortId(container.id());
  row["Names"] = view.Name();
  row["Image"] = view.ImageName();
  row["Command"] = CommandText(CommandOf(runtime, view), whole);
  row["CreatedAt"] = Rfc3339(container.created_at());
  row["CreatedAgo"] = Ago(container.created_at(), now);
  row["State"] = StateText(container.state());
  row["Status"] = status.ok() ? StatusText(status->status(), now) : "Gone";
  row["ExitCode"] = status.ok() ? status->status().exit_code() : 0;
  row["Ports"] = view.Note(kPortsNote);
  row["Labels"] = LabelsText(container);
  row["Namespace"] = view.pod.metadata().namespace_();
  row["Pod"] = view.pod.metadata().name();
  row["PodID"] = whole ? container.pod_sandbox_id() : ShortId(container.pod_sandbox_id());
  row["Attempt"] = container.metadata().attempt();
  return row;
}

}  // namespace crisp::client
