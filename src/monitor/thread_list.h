// The threads of this process, for people: what each is doing, and for which operation.
#pragma once

#include <string>

namespace crisp {

// A JSON list: [{"id": 4242, "name": "operation", "state": "S", "waits_in": "futex_wait_queue", "stack": […],
// "operations": [{"id": 7, "operation": "RunPodSandbox"}]}]. Reads /proc/self/task.
std::string ThreadsJson();

}  // namespace crisp
