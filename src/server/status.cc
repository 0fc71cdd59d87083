#include "network/network.h"
#include "nlohmann/json.hpp"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {
namespace {

void AddCondition(cri::RuntimeStatus* status, const char* type, const absl::Status& state, const char* reason) {
  cri::RuntimeCondition* condition = status->add_conditions();
  condition->set_type(type);
  condition->set_status(state.ok());
  if (state.ok()) return;
  condition->set_reason(reason);
  condition->set_message(std::string(state.message()));
}

}  // namespace

grpc::Status RuntimeService::Status(grpc::ServerContext*, const cri::StatusRequest* in, cri::StatusResponse* out) {
  return Serve({"Status", LogLevel::kDebug, ""}, [&] {
    AddCondition(out->mutable_status(), "RuntimeReady", absl::OkStatus(), "");
    AddCondition(out->mutable_status(), "NetworkReady", network_->Ready(), "NetworkPluginNotReady");
    // "" is the default handler. No feature is claimed that is not there.
    for (const auto& [name, features] : pods_->HandlerFeatures()) {
      cri::RuntimeHandler* handler = out->add_runtime_handlers();
      handler->set_name(name);
      handler->mutable_features()->set_recursive_read_only_mounts(features.recursive_readonly);
      handler->mutable_features()->set_user_namespaces(features.user_namespace);
    }
    out->mutable_features()->set_supplemental_groups_policy(true);
    if (in->verbose()) {
      (*out->mutable_info())["config"] = nlohmann::json(options_.facts).dump();
      (*out->mutable_info())["cniconfig"] = network_->Describe();
    }
    return absl::OkStatus();
  });
}

}  // namespace crisp
