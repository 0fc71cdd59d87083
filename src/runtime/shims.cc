#include "runtime/shims.h"

#include "runtime/cleanup.h"
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
