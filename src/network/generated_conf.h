// The CNI configuration that crisp writes for a node that has no network add-on, from the template of the key
// conf_template, as containerd does.
//
// Plain functions, callable from any thread. Errors are Internal and name the template's file.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace crisp {

// By its name it comes before what network add-ons usually write.
inline constexpr char kGeneratedConf[] = "10-crisp-net.conflist";

// That the template can be read and is understood.
absl::Status CheckTemplateFile(const std::string& path);

// Renders the template for `cidrs`, at least one, and puts the result into `conf_dir`, which is made if it is missing.
// What is no CNI configuration is not written.
absl::Status GenerateConf(const std::string& path, const std::string& conf_dir, const std::vector<std::string>& cidrs);

}  // namespace crisp
