// EndpointsFor: the endpoints of a registry, in the order in which they are asked. The rules are those of containerd
// 1.6's `registry.mirrors`: the mirrors of the host, or else those of "*"; then the registry itself, unless it is among
// them. With a `config_path`, hosts.toml files take the place of the mirrors (hosts_file.h).
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "images/endpoint.h"
#include "images/registry_options.h"

namespace crisp {

// InvalidArgument for a mirror that ParseEndpoint refuses, Internal for an error in a hosts.toml file. What does
// nothing in such a file is appended to `warnings`, which may be null.
absl::StatusOr<std::vector<Endpoint>> EndpointsFor(const RegistryOptions& options, const std::string& domain,
                                                   std::vector<std::string>* warnings = nullptr);

}  // namespace crisp
