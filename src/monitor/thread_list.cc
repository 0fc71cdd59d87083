#include "monitor/thread_list.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/json.h"
#include "base/operations.h"
#include "os/process_state.h"

namespace crisp {
namespace {

nlohmann::json OperationsOf(pid_t thread, const std::vector<OperationView>& views) {
  nlohmann::json operations = nlohmann::json::array();
  for (const OperationView& view : views) {
    if (std::find(view.threads.begin(), view.threads.end(), thread) == view.threads.end()) continue;
    operations.push_back({{"id", view.id}, {"operation", view.operation}});
  }
  return operations;
}

}  // namespace

std::string ThreadsJson() {
  const std::vector<OperationView> views = Operations::All().View();
  nlohmann::json threads = nlohmann::json::array();
  for (const pid_t id : Threads()) {
    const std::optional<ProcessState> state = StateOfThread(id);
    if (!state) continue;  // it has ended
    threads.push_back({{"id", id},
                       {"name", state->command},
                       {"state", std::string(1, state->state)},
                       {"waits_in", state->waits_in},
                       {"stack", state->stack},
                       {"operations", OperationsOf(id, views)}});
  }
  return DumpJson(threads);
}

}  // namespace crisp
