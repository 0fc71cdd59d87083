// The plan (shim/exec_plan.h) as the helper works with it. Everything in it has been looked at: counts and texts lie
// inside, and each list of texts ends with a null pointer, as execve(2) takes it.
#pragma once

#include <linux/filter.h>

#include "shim/exec_plan.h"

namespace crisp::exec_helper {

struct Plan {
  const shim::ExecPlan* head = nullptr;
  sock_filter* filter = nullptr;
  const shim::ExecLimit* limits = nullptr;
  const uint32_t* groups = nullptr;
  const char* keyring = nullptr;
  const char* directory = nullptr;
  char** arguments = nullptr;
  char** variables = nullptr;

  bool Has(uint32_t flag) const { return (head->flags & flag) != 0; }
};

// Reads it from a descriptor into memory of its own. 0 or an errno value, EBADMSG for what is no plan.
int ReadPlan(int fd, Plan* plan);

size_t Length(const char* text);

}  // namespace crisp::exec_helper
