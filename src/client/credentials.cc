#include "client/credentials.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace crisp::client {
namespace {

// "https://index.docker.io/v1/" is what docker calls its own registry.
bool Means(absl::string_view key, absl::string_view host) {
  if (!absl::ConsumePrefix(&key, "https://")) absl::ConsumePrefix(&key, "http://");
  key = key.substr(0, key.find('/'));
  return key == host || (host == "docker.io" && (key == "index.docker.io" || key == "registry-1.docker.io"));
}

std::string Text(const nlohmann::json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

std::string DockerConfigPath() {
  if (const char* const directory = getenv("DOCKER_CONFIG")) return absl::StrCat(directory, "/config.json");
  const char* const home = getenv("HOME");
  return home == nullptr ? "" : absl::StrCat(home, "/.docker/config.json");
}

std::optional<v1::Credentials> CredentialsFor(absl::string_view image, absl::string_view config_text) {
  const nlohmann::json config =
      nlohmann::json::parse(config_text.begin(), config_text.end(), nullptr, /*allow_exceptions=*/false);
  if (!config.is_object() || !config.contains("auths") || !config["auths"].is_object()) return std::nullopt;
  for (const auto& [key, entry] : config["auths"].items()) {
    if (!entry.is_object() || !Means(key, image.substr(0, image.find('/')))) continue;
    v1::Credentials credentials;
    credentials.set_username(Text(entry, "username"));
    credentials.set_password(Text(entry, "password"));
    credentials.set_identity_token(Text(entry, "identitytoken"));
    credentials.set_registry_token(Text(entry, "registrytoken"));
    std::string pair;
    if (absl::Base64Unescape(Text(entry, "auth"), &pair) && absl::StrContains(pair, ":")) {
      credentials.set_username(pair.substr(0, pair.find(':')));
      credentials.set_password(
          std::string(absl::StripSuffix(pair.substr(pair.find(':') + 1), absl::string_view("\0", 1))));
    }
    return credentials;
  }
  return std::nullopt;
}

}  // namespace crisp::client
