#include "images/image_config.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "images/json.h"
#include "images/manifest.h"

namespace crisp {
namespace {

absl::Status Invalid(absl::string_view text) {
  return absl::InternalError(text);
}

absl::Status ReadVolumes(const nlohmann::json& json, ImageConfig* config) {
  ASSIGN_OR_RETURN(const nlohmann::json* volumes, JsonObject(json, "Volumes"));
  if (volumes == nullptr) return absl::OkStatus();
  for (const auto& [path, ignored] : volumes->items()) {
    if (path.find('\0') != std::string::npos) return Invalid("\"Volumes\" has a NUL byte");
    config->volumes.push_back(path);
  }
  return absl::OkStatus();
}

absl::Status CheckEnv(const std::vector<std::string>& env) {
  for (const std::string& variable : env) {
    if (absl::StartsWith(variable, "=")) return Invalid("\"Env\" has a variable without a name");
  }
  return absl::OkStatus();
}

absl::Status ReadRunConfig(const nlohmann::json& json, ImageConfig* config) {
  ASSIGN_OR_RETURN(config->user, JsonString(json, "User"));
  ASSIGN_OR_RETURN(config->env, JsonStrings(json, "Env"));
  RETURN_IF_ERROR(CheckEnv(config->env));
  ASSIGN_OR_RETURN(config->entrypoint, JsonStrings(json, "Entrypoint"));
  ASSIGN_OR_RETURN(config->cmd, JsonStrings(json, "Cmd"));
  ASSIGN_OR_RETURN(config->working_dir, JsonString(json, "WorkingDir"));
  ASSIGN_OR_RETURN(config->stop_signal, JsonString(json, "StopSignal"));
  return ReadVolumes(json, config);
}

absl::StatusOr<std::vector<std::string>> ReadDiffIds(const nlohmann::json& json) {
  ASSIGN_OR_RETURN(const nlohmann::json* rootfs, JsonObject(json, "rootfs"));
  if (rootfs == nullptr) return Invalid("\"rootfs\" is missing");
  ASSIGN_OR_RETURN(const std::string type, JsonString(*rootfs, "type"));
  if (type != "layers") return Invalid("\"rootfs.type\" is not \"layers\"");
  ASSIGN_OR_RETURN(std::vector<std::string> diff_ids, JsonStrings(*rootfs, "diff_ids"));
  if (diff_ids.size() > kLayersLimit) {
    return Invalid(
        absl::StrCat("\"diff_ids\" has ", diff_ids.size(), " layers, at most ", kLayersLimit, " are accepted"));
  }
  for (const std::string& diff_id : diff_ids) {
    if (absl::Status status = CheckDigest(diff_id); !status.ok()) {
      return Invalid(absl::StrCat("\"diff_ids\": ", status.message()));
    }
  }
  return diff_ids;
}

absl::StatusOr<ParsedImageConfig> Parse(absl::string_view blob) {
  ASSIGN_OR_RETURN(nlohmann::json json, ParseJsonObject(blob));
  ParsedImageConfig parsed;
  ASSIGN_OR_RETURN(parsed.config.os, JsonString(json, "os"));
  ASSIGN_OR_RETURN(parsed.config.architecture, JsonString(json, "architecture"));
  ASSIGN_OR_RETURN(parsed.diff_ids, ReadDiffIds(json));
  ASSIGN_OR_RETURN(const nlohmann::json* run, JsonObject(json, "config"));
  if (run != nullptr) RETURN_IF_ERROR(ReadRunConfig(*run, &parsed.config), "\"config\"");
  return parsed;
}

}  // namespace

absl::StatusOr<ParsedImageConfig> ParseImageConfig(absl::string_view blob) {
  ASSIGN_OR_RETURN(ParsedImageConfig parsed, Parse(blob), "image config");
  return parsed;
}

}  // namespace crisp
