// Images as people name them.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/run_spec.h"
#include "client/runtime_client.h"

namespace crisp::client {

// "nginx" as "docker.io/library/nginx:latest", "host:5000/a@sha256:…" as it is. What is no name stays.
std::string WholeName(absl::string_view name);
// The other way round: "nginx:latest", as docker shows it.
std::string FamiliarName(absl::string_view name);

struct NameParts {
  std::string repository;  // "docker.io/library/nginx"
  std::string tag;         // empty if there is none
};
// Of a whole name, without its digest.
NameParts SplitName(absl::string_view name);

// The image that is here under the name, its id or the beginning of the id; nothing if there is none.
absl::StatusOr<std::optional<cri::Image>> FindImage(RuntimeClient* runtime, const std::string& name);
// As FindImage; NotFound with what to do.
absl::StatusOr<cri::Image> NeedImage(RuntimeClient* runtime, const std::string& name);

// NotFound if the image is not here.
absl::StatusOr<ImageCommand> CommandOfImage(RuntimeClient* runtime, const std::string& name);

// The image's configuration (OCI), as far as the runtime tells it; null if it does not.
nlohmann::ordered_json ConfigOfImage(RuntimeClient* runtime, const std::string& id);

// The first 12 digits of "sha256:…".
std::string ShortImageId(absl::string_view id);

}  // namespace crisp::client
