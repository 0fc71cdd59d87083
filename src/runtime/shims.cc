#include "runtime/shims.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "os/process.h"
#include "runtime/cleanup.h"
#include "runtime/oci_runtime.h"
#include "runtime/shim_client.h"

namespace crisp {
namespace {

class RealShims : public Shims {
 public:
  explicit RealShims(Reactor* reactor) : reactor_(reactor) {}

  absl::StatusOr<std::unique_ptr<Shim>> Launch(const std::string& pod_id, const ShimPaths& paths,
                                               ShimListener* listener, const CallContext& call) override {
    return ShimClient::Launch(*reactor_, pod_id, paths, listener, call);
  }

  absl::StatusOr<std::unique_ptr<Shim>> Connect(const std::string& pod_id, const ShimPaths& paths,
                                                ShimListener* listener, const CallContext& call) override {
    return ShimClient::Connect(*reactor_, pod_id, paths, listener, call);
  }

  absl::StatusOr<ShimProgram> Program(const std::string& path, const CallContext& call) override {
    Command command;
    command.path = path;
    command.args = {"--build"};
    command.env = RuntimeEnvironment();
    ASSIGN_OR_RETURN(const CommandResult result, RunCommand(command, call), absl::StrCat("ask ", path));
    const absl::string_view build = absl::StripSuffix(result.output, "\n");
    if (!result.ok() || build.empty() || absl::StrContains(build, '\n')) {
      return absl::InternalError(absl::StrCat(path, " does not tell its build: ", result.Describe()));
    }
    return ShimProgram{path, std::string(build)};
  }

  absl::Status Kill(const ShimPaths& paths, const CallContext& call) override { return KillShim(paths, call); }

  absl::Status CleanUpContainer(const OciRuntime& runtime, const std::string& container_id,
                                const std::string& cgroups_path, const CallContext& call) override {
    return crisp::CleanUpContainer(runtime, container_id, cgroups_path, call);
  }

  absl::Status RemoveRuntimeState(const OciRuntime& runtime, const std::string& container_id) override {
    return crisp::RemoveRuntimeState(runtime, container_id);
  }

 private:
  Reactor* const reactor_;
};

}  // namespace

std::unique_ptr<Shims> MakeShims(Reactor* reactor) {
  return std::make_unique<RealShims>(reactor);
}

}  // namespace crisp
