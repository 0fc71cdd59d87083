#include "images/manifest.h"

#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "images/json.h"

namespace crisp {
namespace {

constexpr absl::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr absl::string_view kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr absl::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
constexpr absl::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
constexpr absl::string_view kDockerSchema1 = "application/vnd.docker.distribution.manifest.v1+";
constexpr size_t kIndexEntriesLimit = 1000;

absl::Status Invalid(absl::string_view text) {
  return absl::InternalError(text);
}

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, 200)), "\"");
}

bool IsIndexType(absl::string_view type) {
  return type == kDockerList || type == kOciIndex;
}
bool IsManifestType(absl::string_view type) {
  return type == kDockerManifest || type == kOciManifest;
}

// "application/json; charset=utf-8" as "application/json".
std::string BareType(absl::string_view content_type) {
  return absl::AsciiStrToLower(absl::StripAsciiWhitespace(content_type.substr(0, content_type.find(';'))));
}

absl::StatusOr<Descriptor> ParseDescriptor(const nlohmann::json& json) {
  if (!json.is_object()) return Invalid("a descriptor is not an object");
  Descriptor descriptor;
  ASSIGN_OR_RETURN(descriptor.media_type, JsonString(json, "mediaType"));
  ASSIGN_OR_RETURN(descriptor.digest, JsonString(json, "digest"));
  if (absl::Status status = CheckDigest(descriptor.digest); !status.ok()) {
    return Invalid(absl::StrCat("\"digest\": ", status.message()));
  }
  ASSIGN_OR_RETURN(descriptor.size, JsonSize(json, "size"));
  return descriptor;
}

absl::Status CheckConfigType(absl::string_view type) {
  // Docker 1.10 pushed configs as octet-stream; such images are still about.
  if (type == "application/vnd.docker.container.image.v1+json" || type == "application/vnd.oci.image.config.v1+json" ||
      type == "application/octet-stream") {
    return absl::OkStatus();
  }
  if (absl::StrContains(type, "+encrypted")) return Invalid("the image config is encrypted, which is not supported");
  return Invalid(absl::StrCat("this is not a container image but an artifact (config media type ", Quoted(type), ")"));
}

absl::Status CheckLayerType(absl::string_view type) {
  if (absl::StrContains(type, "+encrypted")) {
    return Invalid("it is encrypted, which is not supported: push the image unencrypted");
  }
  if (absl::StrContains(type, ".foreign.") || absl::StrContains(type, ".nondistributable.")) {
    return Invalid(absl::StrCat("it is a foreign layer (", type,
                                ") that is not kept in the registry, which is not supported: push the image with its "
                                "layers"));
  }
  static const std::set<absl::string_view>* const kKnown = new std::set<absl::string_view>{
      "application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.docker.image.rootfs.diff.tar.zstd",
      "application/vnd.docker.image.rootfs.diff.tar",      "application/vnd.oci.image.layer.v1.tar+gzip",
      "application/vnd.oci.image.layer.v1.tar+zstd",       "application/vnd.oci.image.layer.v1.tar"};
  if (kKnown->count(type) == 0) return Invalid(absl::StrCat("its media type ", Quoted(type), " is not supported"));
  return absl::OkStatus();
}

absl::StatusOr<Manifest> ParseImageManifest(const nlohmann::json& json) {
  Manifest manifest;
  ASSIGN_OR_RETURN(const nlohmann::json* config, JsonObject(json, "config"));
  if (config == nullptr) return Invalid("\"config\" is missing");
  ASSIGN_OR_RETURN(manifest.config, ParseDescriptor(*config), "\"config\"");
  RETURN_IF_ERROR(CheckConfigType(manifest.config.media_type));
  if (manifest.config.size == 0 || manifest.config.size > kJsonBytesLimit) {
    return Invalid(
        absl::StrCat("an image config of ", manifest.config.size, " bytes (1 to ", kJsonBytesLimit, " are accepted)"));
  }
  ASSIGN_OR_RETURN(const nlohmann::json* layers, JsonArray(json, "layers"));
  if (layers == nullptr) return Invalid("\"layers\" is missing");
  if (layers->size() > kLayersLimit) {
    return Invalid(
        absl::StrCat("the image has ", layers->size(), " layers; at most ", kLayersLimit, " fit in a mount"));
  }
  for (const nlohmann::json& json_layer : *layers) {
    ASSIGN_OR_RETURN(Descriptor layer, ParseDescriptor(json_layer), "layer ", manifest.layers.size());
    RETURN_IF_ERROR(CheckLayerType(layer.media_type), "layer ", layer.digest);
    manifest.layers.push_back(std::move(layer));
  }
  return manifest;
}

absl::StatusOr<Platform> ParsePlatform(const nlohmann::json& entry) {
  Platform platform;
  ASSIGN_OR_RETURN(const nlohmann::json* json, JsonObject(entry, "platform"));
  if (json == nullptr) return platform;
  ASSIGN_OR_RETURN(platform.os, JsonString(*json, "os"));
  ASSIGN_OR_RETURN(platform.architecture, JsonString(*json, "architecture"));
  ASSIGN_OR_RETURN(platform.variant, JsonString(*json, "variant"));
  return platform;
}

absl::StatusOr<Index> ParseIndex(const nlohmann::json& json) {
  ASSIGN_OR_RETURN(const nlohmann::json* entries, JsonArray(json, "manifests"));
  if (entries == nullptr) return Invalid("\"manifests\" is missing");
  if (entries->size() > kIndexEntriesLimit) {
    return Invalid(absl::StrCat("an index of ", entries->size(), " manifests; at most ", kIndexEntriesLimit));
  }
  Index index;
  for (const nlohmann::json& json_entry : *entries) {
    IndexEntry entry;
    ASSIGN_OR_RETURN(entry.descriptor, ParseDescriptor(json_entry), "manifest ", index.manifests.size());
    ASSIGN_OR_RETURN(entry.platform, ParsePlatform(json_entry), "manifest ", index.manifests.size());
    index.manifests.push_back(std::move(entry));
  }
  return index;
}

// Which of the four types it is, by what the registry says, by what it says itself, and by what it holds. They must
// agree: a document that two readers take for two things would be two images under one digest.
absl::StatusOr<bool> IsIndex(const nlohmann::json& json, absl::string_view content_type) {
  ASSIGN_OR_RETURN(std::string own_type, JsonString(json, "mediaType"));
  const std::string told_type = BareType(content_type);
  if (json.contains("layers") && json.contains("manifests")) {
    return Invalid("it has both \"layers\" and \"manifests\": it could be read as two different images");
  }
  const auto schema = json.find("schemaVersion");
  const bool schema1 = schema != json.end() && schema->is_number_integer() && *schema == 1;
  if (schema1 || absl::StartsWith(told_type, kDockerSchema1) || absl::StartsWith(own_type, kDockerSchema1)) {
    return Invalid("it is in Docker's schema 1, which is not supported: push the image again with a current tool");
  }
  if (schema == json.end() || !schema->is_number_integer() || *schema != 2) {
    return Invalid("\"schemaVersion\" is not 2");
  }
  const bool told = IsManifestType(told_type) || IsIndexType(told_type);
  if (told && !own_type.empty() && own_type != told_type) {
    return Invalid(absl::StrCat("the registry calls it ", told_type, ", but it calls itself ", Quoted(own_type)));
  }
  const std::string& type = told ? told_type : own_type;
  if (!type.empty() && !IsManifestType(type) && !IsIndexType(type)) {
    return Invalid(absl::StrCat("media type ", Quoted(type), " is not that of an image"));
  }
  const bool is_index = type.empty() ? json.contains("manifests") : IsIndexType(type);
  if (json.contains(is_index ? "layers" : "manifests")) {
    return Invalid(absl::StrCat("it is called ", Quoted(type), ", but holds the other kind"));
  }
  if (is_index && json.contains("config")) return Invalid("it is an index, but has a \"config\"");
  return is_index;
}

absl::StatusOr<std::variant<Manifest, Index>> Parse(absl::string_view body, absl::string_view content_type) {
  if (body.size() > kManifestBytesLimit) {
    return Invalid(absl::StrCat("it is larger than ", kManifestBytesLimit, " bytes"));
  }
  ASSIGN_OR_RETURN(nlohmann::json json, ParseJsonObject(body));
  ASSIGN_OR_RETURN(const bool is_index, IsIndex(json, content_type));
  if (is_index) return ParseIndex(json);
  return ParseImageManifest(json);
}

std::string Describe(const Platform& platform) {
  if (platform.os.empty()) return "unnamed";
  const std::string name = absl::StrCat(platform.os, "/", platform.architecture);
  return absl::CHexEscape(platform.variant.empty() ? name : absl::StrCat(name, "/", platform.variant)).substr(0, 64);
}

// How well `entry` fits: 0 not at all.
int Fit(const IndexEntry& entry, const Platform& host) {
  const Descriptor& descriptor = entry.descriptor;
  if (!descriptor.media_type.empty() && !IsManifestType(descriptor.media_type) && !IsIndexType(descriptor.media_type)) {
    return 0;
  }
  if (entry.platform.os.empty()) return 1;  // it may be for us; its config will tell
  if (entry.platform.os != host.os || entry.platform.architecture != host.architecture) return 0;
  if (entry.platform.variant == host.variant || entry.platform.variant.empty()) return 3;
  return 2;
}

}  // namespace

Platform HostPlatform() {
#if defined(__x86_64__)
  return {"linux", "amd64", ""};
#elif defined(__aarch64__)
  return {"linux", "arm64", "v8"};
#else
#error "say here what Go calls this architecture"
#endif
}

absl::StatusOr<std::variant<Manifest, Index>> ParseManifest(absl::string_view body, absl::string_view content_type) {
  ASSIGN_OR_RETURN(auto parsed, Parse(body, content_type), "image manifest");
  return parsed;
}

absl::StatusOr<IndexEntry> ChoosePlatform(const Index& index, const Platform& host) {
  const IndexEntry* best = nullptr;
  int best_fit = 0;
  for (const IndexEntry& entry : index.manifests) {
    if (const int fit = Fit(entry, host); fit > best_fit) {
      best = &entry;
      best_fit = fit;
    }
  }
  if (best != nullptr) return *best;
  std::set<std::string> others;
  for (const IndexEntry& entry : index.manifests) {
    if (others.size() < 20) others.insert(Describe(entry.platform));
  }
  return absl::NotFoundError(absl::StrCat("the image is not made for ", Describe(host),
                                          ", only for: ", others.empty() ? "nothing" : absl::StrJoin(others, ", ")));
}

}  // namespace crisp
