// The part of monitor/pod_facts.h about one container.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "store/layout.h"

namespace crisp {

struct PodContainer;

nlohmann::json ContainerFacts(const Layout& layout, const PodContainer& found);

// {"path", "mounted", "layers": [highest first], "upper": …}, as the kernel has the overlay at `path`.
nlohmann::json RootfsFacts(const Layout& layout, const std::string& path);

// Of the cgroups with this linux.cgroupsPath: [{"path", "processes", "memory.max": "max", …}]; none of those that are
// gone.
nlohmann::json CgroupFacts(const std::string& cgroups_path, bool systemd);

// A verbose text of stats/verbose_status.h, parsed, without the values of environment variables.
nlohmann::json InfoWithoutSecrets(const std::string& text);

}  // namespace crisp
