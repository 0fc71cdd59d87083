// hosts.toml: the text of one file, as containerd 2.x reads it (docs/hosts.md, core/remotes/docker/config/hosts.go).
//
//   server = "https://registry.example"        the registry itself; "" or absent: the host of the image's name
//   [host."https://mirror.example/path"]       asked before it, in the order of the file
//     capabilities = ["pull", "resolve"]       also "push" and "referrers", in any case; empty or absent: all
//     ca = "ca.pem"                            or a list; trusted in addition to the system's
//     client = "both.pem"                      or ["one.pem", "two.pem"], or [["cert.pem", "key.pem"], ["both.pem",
//     ""]] skip_verify = false override_path = false                    true: the URL's path is used without "/v2"
//     behind it dial_timeout = "30s" [host."https://mirror.example/path".header]
//       x-name = "value"                       or a list
//
// All but `server` and `host` may also stand at the top, for the registry itself. Paths are relative to the file. An
// http URL with `ca`, `client` or `skip_verify` is tried by https first, unless its port is 80.
//
// A plain function, callable from any thread. Errors are Internal: "<file>:<line>: <key>: <what is wrong>".
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "images/endpoint.h"

namespace crisp {

// The endpoints that `text`, the contents of the file `path`, configures for `domain`; the registry itself is last.
// `own` is the registry itself, for a file that does not set `server`. Keys that do nothing are appended to `warnings`,
// unless it is null.
absl::StatusOr<std::vector<Endpoint>> ParseHostsToml(absl::string_view text, const std::string& path,
                                                     const std::string& domain, const std::vector<Endpoint>& own,
                                                     std::vector<std::string>* warnings);

}  // namespace crisp
