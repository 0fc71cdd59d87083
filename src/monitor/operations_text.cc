#include "monitor/operations_text.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/json.h"
#include "os/process_state.h"

namespace crisp {
namespace {

std::string Since(MonoTime then) {
  return absl::StrFormat("%.1fs", std::chrono::duration<double>(MonoClock::now() - then).count());
}

nlohmann::json Describe(pid_t pid) {
  nlohmann::json process = {{"pid", pid}};
  const std::optional<ProcessState> state = StateOf(pid);
  if (!state) return process;  // it has ended
  process["command"] = state->command;
  process["state"] = std::string(1, state->state);
  if (!state->waits_in.empty()) process["waits_in"] = state->waits_in;
  if (!state->stack.empty()) process["stack"] = state->stack;
  return process;
}

nlohmann::json Describe(const OperationView& view) {
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [name, value] : view.fields) object[name] = value;
  nlohmann::json operation = {{"id", view.id},
                              {"operation", view.operation},
                              {"object", std::move(object)},
                              {"age", Since(view.begun)},
                              {"last_step", view.last_step},
                              {"since_last_step", Since(view.last_done)},
                              {"threads", view.threads},
                              {"waits_for", nlohmann::json::array()}};
  for (const pid_t pid : view.waits_for) operation["waits_for"].push_back(Describe(pid));
  return operation;
}

// "4711 calico, D in nfs_wait".
std::string Words(pid_t pid) {
  const std::optional<ProcessState> state = StateOf(pid);
  if (!state) return absl::StrCat(pid, ", which has ended");
  return absl::StrCat(pid, " ", state->command, ", ", std::string(1, state->state),
                      state->waits_in.empty() ? "" : absl::StrCat(" in ", state->waits_in));
}

void Log(LogLevel level, absl::string_view message, const OperationView& view) {
  std::vector<std::string> processes;
  for (const pid_t pid : view.waits_for) processes.push_back(Words(pid));
  const std::string waits_for = absl::StrJoin(processes, "; ");
  const std::string age = Since(view.begun), since = Since(view.last_done);
  std::vector<LogField> more = {{"operation", view.operation}, {"operation_id", view.id}, {"age", age}};
  if (!view.last_step.empty()) {
    more.emplace_back("last_step", view.last_step);
    more.emplace_back("since_last_step", since);
  }
  if (!waits_for.empty()) more.emplace_back("waits_for", waits_for);
  Log(level, message, view.fields, more);
}

}  // namespace

nlohmann::json OperationList(absl::FunctionRef<bool(const OperationView&)> wanted) {
  nlohmann::json list = nlohmann::json::array();
  for (const OperationView& view : Operations::All().View()) {
    if (wanted(view)) list.push_back(Describe(view));
  }
  return list;
}

std::string OperationsJson() {
  return DumpJson(OperationList([](const OperationView&) { return true; }));
}

void LogOperations() {
  const std::vector<OperationView> views = Operations::All().View();
  LogInfo("operations in flight", {{"count", views.size()}});
  for (const OperationView& view : views) Log(LogLevel::kInfo, "operation in flight", view);
}

void LogSlowOperation(const OperationView& view) {
  Log(LogLevel::kWarning, "operation takes long", view);
}

}  // namespace crisp
