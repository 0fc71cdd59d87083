// Credentials for registries, from docker's configuration file: $DOCKER_CONFIG/config.json or ~/.docker/config.json.
// Only `auths` count; programs that keep passwords (credHelpers, credsStore) are not run.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "api/crisp/v1/crisp.pb.h"

namespace crisp::client {

// The path of that file; empty if there is no home.
std::string DockerConfigPath();

// Of the registry host of a whole image name ("docker.io/…"), in the text of such a file. Nothing if it has none.
std::optional<v1::Credentials> CredentialsFor(absl::string_view image, absl::string_view config_text);

}  // namespace crisp::client
