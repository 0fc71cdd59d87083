// The directories with hosts.toml files: containerd's newer configuration of the endpoints of a registry. Each registry
// has a directory below `config_path` named "<host>_<port>_" or "<host>:<port>"; "_default" is for all others. Its
// hosts.toml (hosts_toml.h) is read at each pull, so a change needs no restart. A directory whose hosts.toml is absent
// or empty may hold certificates as in Docker's certs.d: each *.crt is a CA to trust, each *.cert a client's
// certificate with its key in the *.key of the same name, or in the same file.
//
// Plain functions, callable from any thread. Errors are Internal and name the file and what is wrong in it.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "images/endpoint.h"

namespace crisp {

// The endpoints of `domain`, the registry itself last. Empty if no directory below `config_path` (one or more paths,
// separated by ":") is for it. `own` is the registry itself, for a file that does not set `server`. What does nothing
// in the file is appended to `warnings`, unless it is null.
absl::StatusOr<std::vector<Endpoint>> EndpointsFromHostsFile(const std::string& config_path, const std::string& domain,
                                                             const std::vector<Endpoint>& own,
                                                             std::vector<std::string>* warnings);

// What stands for "every other registry": the endpoints of "_default" are those of a registry of this name, which no
// name server knows (RFC 6761, section 6.4).
inline constexpr char kAnyRegistry[] = "registry.invalid";

// The registries that have a directory below `config_path`, sorted; kAnyRegistry for "_default".
std::vector<std::string> RegistriesOfHostsFiles(const std::string& config_path);

// Reads every file below `config_path` and the certificates that they name. Returns what cannot be used, which is what
// pulls will fail with, and appends what does nothing to `warnings`.
std::vector<std::string> FaultsOfHostsFiles(const std::string& config_path, std::vector<std::string>* warnings);

}  // namespace crisp
