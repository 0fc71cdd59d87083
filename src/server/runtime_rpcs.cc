#include "server/runtime_rpcs.h"

#include <string>

#include "network/network.h"
#include "sandbox/pod_manager.h"
#include "sandbox/runtime_health.h"
#include "server/server_options.h"
#include "server/verbose_info.h"

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

absl::Status RuntimeRpcs::Version(const cri::VersionRequest&, cri::VersionResponse* response) {
  response->set_version("0.1.0");  // of the kubelet's runtime API; the same in every release of Kubernetes
  response->set_runtime_name("crisp");
  response->set_runtime_version(CRISP_VERSION);
  response->set_runtime_api_version("v1");
  return absl::OkStatus();
}

absl::Status RuntimeRpcs::Status(const cri::StatusRequest& request, cri::StatusResponse* response) {
  AddCondition(response->mutable_status(), "RuntimeReady", health_->Ready(), "RuntimeNotReady");
  AddCondition(response->mutable_status(), "NetworkReady", network_->Ready(), "NetworkPluginNotReady");
  // "" is the default handler.
  for (const auto& [name, features] : pods_->HandlerFeatures()) {
    cri::RuntimeHandler* handler = response->add_runtime_handlers();
    handler->set_name(name);
    handler->mutable_features()->set_recursive_read_only_mounts(features.recursive_readonly);
    handler->mutable_features()->set_user_namespaces(features.user_namespace);
    if (features.user_namespace) response->mutable_features()->set_user_namespaces_host_network(true);
  }
  response->mutable_features()->set_supplemental_groups_policy(true);
  if (request.verbose()) {
    (*response->mutable_info())["config"] = VerboseInfo(report_->Get()->facts);
    (*response->mutable_info())["cniconfig"] = network_->Describe();
    (*response->mutable_info())["operations"] = operations_();
  }
  return absl::OkStatus();
}

absl::Status RuntimeRpcs::RuntimeConfig(const cri::RuntimeConfigRequest&, cri::RuntimeConfigResponse* response) {
  response->mutable_linux()->set_cgroup_driver(report_->Get()->systemd_cgroup ? cri::SYSTEMD : cri::CGROUPFS);
  return absl::OkStatus();
}

absl::Status RuntimeRpcs::UpdateRuntimeConfig(const cri::UpdateRuntimeConfigRequest& request,
                                              cri::UpdateRuntimeConfigResponse*) {
  return network_->SetPodCidrs(request.runtime_config().network_config().pod_cidr());
}

}  // namespace crisp
