// The operations in flight (base/operations.h), for people: what each does, for how long, and what the processes that
// it waits for are doing.
//
// Plain functions, callable from any thread. They read /proc.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/functional/function_ref.h"
#include "base/operations.h"

namespace crisp {

// A JSON list, oldest first:
//   [{"id": 7, "operation": "RunPodSandbox", "object": {"pod": "web-0", …}, "age": "31.2s", "last_step": "create
//   netns",
//     "since_last_step": "31.1s", "threads": [4242], "waits_for": [{"pid": 4711, "command": "calico", "state": "D",
//     "waits_in": "nfs_wait", "stack": ["nfs_wait", …]}]}]
std::string OperationsJson();
// Those for which `wanted` is true.
nlohmann::json OperationList(absl::FunctionRef<bool(const OperationView&)> wanted);

// One log line for each, at the level info.
void LogOperations();

// A warning: the operation has been in flight for so long.
void LogSlowOperation(const OperationView& view);

}  // namespace crisp
