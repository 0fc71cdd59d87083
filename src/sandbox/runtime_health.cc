#include "sandbox/runtime_health.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "absl/strings/str_cat.h"
#include "base/call_context.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/process.h"
#include "store/database.h"
#include "store/space.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kVersionDeadline{5};

// What changes when the file is written to, or another takes its place.
absl::StatusOr<std::string> IdentityOf(const std::string& program) {
  struct stat info {};
  if (stat(program.c_str(), &info) != 0) return ErrnoStatus(errno, program);
  return absl::StrCat(info.st_dev, " ", info.st_ino, " ", info.st_size, " ", info.st_mtim.tv_sec, " ",
                      info.st_mtim.tv_nsec, " ", info.st_mode);
}

absl::Status CheckRuns(const std::string& program) {
  Command command;
  command.path = program;
  command.args = {"--version"};
  ASSIGN_OR_RETURN(const CommandResult result, RunCommand(command, CallContext::WithTimeout(kVersionDeadline)));
  if (result.ok()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(program, " --version: ", result.Describe()));
}

}  // namespace

void RuntimeHealth::SetRuntimeProgram(const std::string& path) {
  MutexLock lock(mutex_);
  runtime_program_ = path;
}

absl::Status RuntimeHealth::CheckRuntime() {
  std::string program, known;
  {
    MutexLock lock(mutex_);
    program = runtime_program_;
    known = known_to_run_;
  }
  ASSIGN_OR_RETURN(const std::string identity, IdentityOf(program));
  if (identity == known) return absl::OkStatus();
  RETURN_IF_ERROR(CheckRuns(program));
  MutexLock lock(mutex_);
  known_to_run_ = identity;
  return absl::OkStatus();
}

absl::Status RuntimeHealth::Ready() {
  absl::Status status = Annotate(
      CheckRuntime(), "the default OCI runtime does not run; install it, or name another in the configuration");
  if (access(parts_.shim_program.c_str(), X_OK) != 0) {
    status = Join(status, Annotate(ErrnoStatus(errno, parts_.shim_program), "the shim cannot be run; install it"));
  }
  status = Join(status, CheckSpace(parts_.layout.root()));
  if (parts_.layout.state() != parts_.layout.root()) status = Join(status, CheckSpace(parts_.layout.state()));
  return Join(status, parts_.database->CheckWritable());
}

}  // namespace crisp
