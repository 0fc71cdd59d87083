#include "client/image_names.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "client/containers.h"

namespace crisp::client {
namespace {

std::vector<std::string> StringsOf(const nlohmann::ordered_json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end() || !found->is_array()) return {};
  std::vector<std::string> words;
  for (const auto& word : *found) {
    if (word.is_string()) words.push_back(word);
  }
  return words;
}

}  // namespace

std::string WholeName(absl::string_view name) {
  const size_t slash = name.find('/');
  const absl::string_view first = name.substr(0, slash);
  const bool has_host = slash != absl::string_view::npos &&
                        (absl::StrContains(first, ".") || absl::StrContains(first, ":") || first == "localhost");
  std::string whole(name);
  if (!has_host) whole = absl::StrCat("docker.io/", slash == absl::string_view::npos ? "library/" : "", name);
  if (absl::StrContains(whole, "@")) return whole;
  if (whole.rfind(':') == std::string::npos || whole.rfind(':') < whole.rfind('/')) whole += ":latest";
  return whole;
}

std::string FamiliarName(absl::string_view name) {
  if (absl::ConsumePrefix(&name, "docker.io/")) absl::ConsumePrefix(&name, "library/");
  return std::string(name);
}

NameParts SplitName(absl::string_view name) {
  name = name.substr(0, name.find('@'));
  const size_t colon = name.rfind(':');
  const size_t slash = name.rfind('/');
  if (colon == absl::string_view::npos || (slash != absl::string_view::npos && colon < slash)) {
    return {std::string(name), ""};
  }
  return {std::string(name.substr(0, colon)), std::string(name.substr(colon + 1))};
}

std::string ShortImageId(absl::string_view id) {
  absl::ConsumePrefix(&id, "sha256:");
  return std::string(id.substr(0, 12));
}

absl::StatusOr<std::optional<cri::Image>> FindImage(RuntimeClient* runtime, const std::string& name) {
  cri::ImageStatusRequest request;
  request.mutable_image()->set_image(name);
  ASSIGN_OR_RETURN(const cri::ImageStatusResponse status, runtime->Call(request), "look for image ", name);
  if (!status.image().id().empty()) return std::optional(status.image());
  if (name.find_first_not_of("0123456789abcdef") != std::string::npos) return std::optional<cri::Image>();
  ASSIGN_OR_RETURN(const auto images, runtime->Call(cri::ListImagesRequest()), "list images");
  std::optional<cri::Image> found;
  for (const cri::Image& image : images.images()) {
    if (!absl::StartsWith(absl::StripPrefix(image.id(), "sha256:"), name)) continue;
    if (found) return absl::InvalidArgumentError(absl::StrCat("several images' ids begin with ", name));
    found = image;
  }
  return found;
}

absl::StatusOr<cri::Image> NeedImage(RuntimeClient* runtime, const std::string& name) {
  ASSIGN_OR_RETURN(std::optional<cri::Image> image, FindImage(runtime, name));
  if (image) return *std::move(image);
  return absl::NotFoundError(
      absl::StrCat("there is no image ", name, " here; pull it (crisp pull ", name, "), `crisp images` lists all"));
}

nlohmann::ordered_json ConfigOfImage(RuntimeClient* runtime, const std::string& id) {
  cri::ImageStatusRequest request;
  request.mutable_image()->set_image(id);
  request.set_verbose(true);
  const auto status = runtime->Call(request);
  if (!status.ok()) return nullptr;
  const nlohmann::ordered_json info = InfoOf(status->info());
  return info.is_object() && info.contains("imageSpec") ? info["imageSpec"] : nlohmann::ordered_json(nullptr);
}

absl::StatusOr<ImageCommand> CommandOfImage(RuntimeClient* runtime, const std::string& name) {
  ASSIGN_OR_RETURN(const cri::Image image, NeedImage(runtime, name));
  ImageCommand command;
  command.name = WholeName(name);
  if (absl::StartsWith(absl::StripPrefix(image.id(), "sha256:"), absl::StripPrefix(name, "sha256:"))) {
    command.name = image.repo_tags().empty() ? image.id() : image.repo_tags(0);
  }
  const nlohmann::ordered_json config = ConfigOfImage(runtime, image.id());
  if (config.is_object() && config.contains("config") && config["config"].is_object()) {
    command.entrypoint = StringsOf(config["config"], "Entrypoint");
    command.cmd = StringsOf(config["config"], "Cmd");
  }
  return command;
}

}  // namespace crisp::client
