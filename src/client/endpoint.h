// Endpoint: the socket of the runtime that a command talks to.
//
// The first of these that is given counts: --endpoint, the variable CONTAINER_RUNTIME_ENDPOINT, `runtime-endpoint` of
// /etc/crictl.yaml, as crictl has it. Else it is the first well-known socket on which somebody listens.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp::client {

struct Endpoint {
  std::string path;    // of a Unix socket
  std::string source;  // why this one, for `crisp info`: "--endpoint", "/etc/crictl.yaml"
};

struct EndpointChoices {
  std::string flag;      // empty: not given
  std::string variable;  // likewise
  std::string config_file = "/etc/crictl.yaml";
  std::vector<std::string> known = {"/run/crisp/crisp.sock", "/run/containerd/containerd.sock", "/run/crio/crio.sock"};
};

// InvalidArgument for an endpoint that is no Unix socket, NotFound naming the sockets that were tried.
absl::StatusOr<Endpoint> ChooseEndpoint(const EndpointChoices& choices);

// "unix:///run/a.sock", "unix:/run/a.sock" and "/run/a.sock" as "/run/a.sock".
absl::StatusOr<std::string> SocketPath(absl::string_view endpoint);

// The value of a key at the top of a YAML mapping; empty if it is not there or is no scalar.
absl::StatusOr<std::string> YamlScalar(absl::string_view text, absl::string_view key);

}  // namespace crisp::client
