// RuntimeHealth: whether this node can run pods: the condition RuntimeReady of Status.
//
// Threading: all methods from any thread. Ready may wait for the file systems of `root` and `state`, and runs the OCI
// runtime once whenever its file has changed.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "store/layout.h"

namespace crisp {

class Database;

class RuntimeHealth {
 public:
  // `database` must outlive the object. The programs are absolute paths.
  struct Parts {
    Layout layout;
    Database* database;
    std::string runtime_program;  // of the default handler
    std::string shim_program;
  };
  explicit RuntimeHealth(Parts parts) : parts_(std::move(parts)), runtime_program_(parts_.runtime_program) {}

  // Another default handler's program.
  void SetRuntimeProgram(const std::string& path);

  // OK, or all that keeps pods from running, and what to do about each.
  absl::Status Ready();

 private:
  absl::Status CheckRuntime();

  const Parts parts_;
  Mutex mutex_;
  std::string runtime_program_ ABSL_GUARDED_BY(mutex_);
  std::string known_to_run_ ABSL_GUARDED_BY(mutex_);  // the identity of the runtime's file that has run
};

}  // namespace crisp
