#include "images/image_config.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/json_reader.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "images/manifest.h"

namespace crisp {
namespace {

absl::Status ReadVolumes(const JsonReader& run, ImageConfig* config) {
  ASSIGN_OR_RETURN(const std::optional<JsonReader> volumes, run.Object("Volumes"));
  if (!volumes.has_value()) return absl::OkStatus();
  config->volumes = volumes->Keys();
  for (const std::string& path : config->volumes) {
    if (path.find('\0') != std::string::npos) return volumes->Error("has a path with a NUL byte");
  }
  return absl::OkStatus();
}

absl::Status ReadEnv(const JsonReader& run, ImageConfig* config) {
  ASSIGN_OR_RETURN(config->env, run.Strings("Env"));
  for (const std::string& variable : config->env) {
    if (absl::StartsWith(variable, "=")) return absl::InternalError("\"config.Env\" has a variable without a name");
  }
  return absl::OkStatus();
}

absl::Status ReadRunConfig(const JsonReader& run, ImageConfig* config) {
  ASSIGN_OR_RETURN(config->user, run.String("User"));
  RETURN_IF_ERROR(ReadEnv(run, config));
  ASSIGN_OR_RETURN(config->entrypoint, run.Strings("Entrypoint"));
  ASSIGN_OR_RETURN(config->cmd, run.Strings("Cmd"));
  ASSIGN_OR_RETURN(config->working_dir, run.String("WorkingDir"));
  ASSIGN_OR_RETURN(config->stop_signal, run.String("StopSignal"));
  return ReadVolumes(run, config);
}

absl::StatusOr<std::vector<std::string>> ReadDiffIds(const JsonReader& json) {
  ASSIGN_OR_RETURN(const std::optional<JsonReader> rootfs, json.Object("rootfs"));
  if (!rootfs.has_value()) return std::vector<std::string>();  // of an image without layers
  ASSIGN_OR_RETURN(const std::string type, rootfs->String("type"));
  if (!type.empty() && type != "layers") return absl::InternalError("\"rootfs.type\" is not \"layers\"");
  ASSIGN_OR_RETURN(std::vector<std::string> diff_ids, rootfs->Strings("diff_ids"));
  if (diff_ids.size() > kLayersLimit) {
    return absl::InternalError(
        absl::StrCat("\"rootfs.diff_ids\" has ", diff_ids.size(), " layers, at most ", kLayersLimit, " are accepted"));
  }
  for (const std::string& diff_id : diff_ids) {
    if (absl::Status status = CheckDigest(diff_id); !status.ok()) {
      return absl::InternalError(absl::StrCat("\"rootfs.diff_ids\": ", status.message()));
    }
  }
  return diff_ids;
}

absl::StatusOr<ParsedImageConfig> Parse(absl::string_view blob) {
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(blob));
  const JsonReader json = document.root();
  ParsedImageConfig parsed;
  ASSIGN_OR_RETURN(parsed.config.os, json.String("os"));
  ASSIGN_OR_RETURN(parsed.config.architecture, json.String("architecture"));
  ASSIGN_OR_RETURN(parsed.variant, json.String("variant"));
  ASSIGN_OR_RETURN(parsed.diff_ids, ReadDiffIds(json));
  ASSIGN_OR_RETURN(const std::optional<JsonReader> run, json.Object("config"));
  if (run.has_value()) RETURN_IF_ERROR(ReadRunConfig(*run, &parsed.config));
  return parsed;
}

}  // namespace

absl::StatusOr<ParsedImageConfig> ParseImageConfig(absl::string_view blob) {
  ASSIGN_OR_RETURN(ParsedImageConfig parsed, Parse(blob), "image config");
  return parsed;
}

}  // namespace crisp
