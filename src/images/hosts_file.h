// hosts.toml: the other way of containerd to say where a registry's images are (its docs/hosts.md), one directory a
// registry below `config_path`: "<host>_<port>_", "<host>:<port>" or "_default". It is read at each pull, so that a
// change needs no restart. A directory without hosts.toml may hold certificates as Docker has them: *.crt is what to
// trust, *.cert with *.key what to show.
//
// Threading: plain functions. Errors: Internal, naming the file and what is wrong in it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "images/endpoints.h"

namespace crisp {

// The endpoints of `domain`, the registry itself last; empty if no directory below `config_path` (one or more paths,
// with ":" between) is for it. `own`: the registry itself, where the file does not say.
absl::StatusOr<std::vector<Endpoint>> EndpointsFromHostsFile(const std::string& config_path, const std::string& domain,
                                                             const std::vector<Endpoint>& own);

}  // namespace crisp
