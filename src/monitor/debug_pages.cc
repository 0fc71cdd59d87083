#include "monitor/debug_pages.h"

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/call_context.h"
#include "base/lines_about.h"
#include "base/recorder.h"
#include "monitor/find_any_pod.h"
#include "monitor/operations_text.h"
#include "monitor/pod_facts.h"
#include "monitor/thread_list.h"
#include "network/network.h"
#include "sandbox/pod.h"
#include "sandbox/pod_log.h"

namespace crisp {
namespace {

constexpr char kJson[] = "application/json";
constexpr char kJsonLines[] = "application/x-ndjson";
constexpr std::chrono::seconds kCheckTime{5};  // of all plugins of a pod together

HttpAnswer JsonAnswer(std::string json) {
  return {200, kJson, absl::StrCat(json, "\n")};
}

// Indented: people read it as it is.
HttpAnswer JsonAnswer(const nlohmann::json& json) {
  return JsonAnswer(json.dump(/*indent=*/2, ' ', /*ensure_ascii=*/false, nlohmann::json::error_handler_t::replace));
}

HttpAnswer Failure(const absl::Status& status) {
  return {absl::IsNotFound(status) ? 404 : 400, "text/plain; charset=utf-8", absl::StrCat(status.message(), "\n")};
}

HttpAnswer Lines(const Recorder* recorder, absl::FunctionRef<bool(absl::string_view)> wanted) {
  HttpAnswer answer{200, kJsonLines, ""};
  if (recorder == nullptr) return answer;
  for (const std::string& line : recorder->Lines(wanted)) absl::StrAppend(&answer.body, line, "\n");
  return answer;
}

// Of a pod that is not in the table, what stands in the lines decides.
HttpAnswer TraceOfGone(const Recorder* recorder, const std::string& pod) {
  const std::vector<std::string> name = absl::StrSplit(pod, absl::MaxSplits('/', 1));
  const std::vector<LogField> fields = name.size() == 2
                                           ? std::vector<LogField>{{"namespace", name[0]}, {"pod", name[1]}}
                                           : std::vector<LogField>{{"pod_id", pod}};
  std::string part = JsonLogFields(fields);
  if (name.size() == 1) part.pop_back();  // its id may go on
  HttpAnswer answer = Lines(recorder, [&part](absl::string_view line) { return absl::StrContains(line, part); });
  if (answer.body.empty())
    return Failure(absl::NotFoundError(absl::StrCat("no pod ", pod, ", and nothing recorded of it")));
  return answer;
}

HttpAnswer TraceOf(const DebugSources& sources, const std::string& name) {
  const absl::StatusOr<PodPtr> pod = FindAnyPod(*sources.table, name);
  if (pod.ok()) return Lines(sources.recorder, LinesAbout(LogFieldsOf(**pod)));
  return absl::IsNotFound(pod.status()) && !name.empty() ? TraceOfGone(sources.recorder, name) : Failure(pod.status());
}

nlohmann::json JsonOf(const std::vector<PluginCheck>& checks) {
  nlohmann::json list = nlohmann::json::array();
  for (const PluginCheck& check : checks) {
    nlohmann::json row = {{"file", check.file}, {"plugin", check.plugin}, {"ok", check.status.ok()}};
    if (!check.status.ok()) row["error"] = std::string(check.status.message());
    list.push_back(std::move(row));
  }
  return list;
}

HttpAnswer NetworkOf(const DebugSources& sources, const std::string& name) {
  const absl::StatusOr<PodPtr> pod = FindAnyPod(*sources.table, name);
  if (!pod.ok()) return Failure(pod.status());
  const std::optional<Gate::Pass> alone = (*pod)->gate.TryEnter();
  if (!alone) return Failure(absl::UnavailableError("an operation is at work on the pod; try again"));
  const PodRecord record = (*pod)->record();
  if (record.cni_plan().empty()) return Failure(absl::NotFoundError("the pod is in the node's network"));
  const auto checks =
      sources.network->Check({record.cni_plan(), record.cni_result()}, CallContext::WithTimeout(kCheckTime));
  return checks.ok() ? JsonAnswer(JsonOf(*checks)) : Failure(checks.status());
}

HttpAnswer PodPage(const DebugSources& sources, absl::string_view name) {
  if (absl::ConsumeSuffix(&name, "/trace")) return TraceOf(sources, std::string(name));
  if (absl::ConsumeSuffix(&name, "/network")) return NetworkOf(sources, std::string(name));
  const absl::StatusOr<PodPtr> pod = FindAnyPod(*sources.table, std::string(name));
  if (!pod.ok()) return Failure(pod.status());
  return JsonAnswer(PodFacts(sources.layout, *pod, sources.recorder));
}

HttpAnswer PodList(const PodTable& table) {
  nlohmann::json pods = nlohmann::json::array();
  for (const PodPtr& pod : table.All()) pods.push_back(PodSummary(*pod));
  return JsonAnswer(pods);
}

}  // namespace

HttpPages DebugPages(const DebugSources& sources) {
  return {{"/ops", [] { return JsonAnswer(OperationsJson()); }},
          {"/threads", [] { return JsonAnswer(ThreadsJson()); }},
          {"/trace", [sources] { return Lines(sources.recorder, [](absl::string_view) { return true; }); }},
          {"/pods", [sources] { return PodList(*sources.table); }}};
}

HttpTrees DebugTrees(const DebugSources& sources) {
  return {{"/pods/", [sources](const std::string& rest) { return PodPage(sources, rest); }}};
}

}  // namespace crisp
