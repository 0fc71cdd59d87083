// hosts.toml: containerd's newer configuration of the endpoints of a registry (its docs/hosts.md). Each registry has a
// directory below `config_path` named "<host>_<port>_" or "<host>:<port>"; "_default" is for all others. The file is
// read at each pull, so a change needs no restart. A directory without hosts.toml may hold certificates as in Docker's
// certs.d: *.crt are the CAs to trust, *.cert and *.key the client's certificate.
//
// Plain functions, callable from any thread. Errors are Internal and name the file and what is wrong in it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "images/endpoint.h"

namespace crisp {

// The endpoints of `domain`, the registry itself last. Empty if no directory below `config_path` (one or more paths,
// separated by ":") is for it. `own` is the registry itself, for a file that does not set `server`.
absl::StatusOr<std::vector<Endpoint>> EndpointsFromHostsFile(const std::string& config_path, const std::string& domain,
                                                             const std::vector<Endpoint>& own);

}  // namespace crisp
