// The results of a pod's CNI plugins in the form that containerd shows them (github.com/containerd/go-cni, Result).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace crisp {

// {"Interfaces": {NAME: {"IPConfigs": [{"IP", "Gateway"}], "Mac", "Sandbox"}}, "DNS": […], "Routes": […]}. `results` is
// that of PodRecord (network/plan.h); null for an empty text, and what cannot be read is left out.
nlohmann::json CniSummary(const std::string& results);

}  // namespace crisp
