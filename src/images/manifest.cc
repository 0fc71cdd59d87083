#include "images/manifest.h"

#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json.h"
#include "base/json_reader.h"
#include "base/status_macros.h"
#include "images/digest.h"

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

absl::StatusOr<Descriptor> ParseDescriptor(const JsonReader& json) {
  Descriptor descriptor;
  ASSIGN_OR_RETURN(descriptor.media_type, json.String("mediaType"));
  ASSIGN_OR_RETURN(descriptor.digest, json.String("digest"));
  if (absl::Status status = CheckDigest(descriptor.digest); !status.ok()) {
    return Invalid(absl::StrCat("\"", json.path(), ".digest\": ", status.message()));
  }
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size, json.Unsigned("size"));
  if (!size.has_value()) return json.Missing("size");
  descriptor.size = *size;
  return descriptor;
}

absl::Status CheckConfigType(absl::string_view type) {
  // Docker 1.10 pushed configs as octet-stream, and such images are still in use.
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

absl::StatusOr<Descriptor> ParseConfigDescriptor(const JsonReader& json) {
  ASSIGN_OR_RETURN(const std::optional<JsonReader> config, json.Object("config"));
  if (!config.has_value()) return json.Missing("config");
  ASSIGN_OR_RETURN(Descriptor descriptor, ParseDescriptor(*config));
  RETURN_IF_ERROR(CheckConfigType(descriptor.media_type));
  if (descriptor.size == 0 || descriptor.size > kJsonBytesLimit) {
    return Invalid(
        absl::StrCat("an image config of ", descriptor.size, " bytes (1 to ", kJsonBytesLimit, " are accepted)"));
  }
  return descriptor;
}

absl::StatusOr<Manifest> ParseImageManifest(const JsonReader& json) {
  Manifest manifest;
  ASSIGN_OR_RETURN(manifest.config, ParseConfigDescriptor(json));
  if (!json.Field("layers").has_value()) return json.Missing("layers");
  ASSIGN_OR_RETURN(const std::vector<JsonReader> layers, json.Objects("layers"));
  if (layers.size() > kLayersLimit) {
    return Invalid(absl::StrCat("the image has ", layers.size(), " layers; at most ", kLayersLimit, " fit in a mount"));
  }
  for (const JsonReader& json_layer : layers) {
    ASSIGN_OR_RETURN(Descriptor layer, ParseDescriptor(json_layer));
    RETURN_IF_ERROR(CheckLayerType(layer.media_type), "layer ", layer.digest);
    manifest.layers.push_back(std::move(layer));
  }
  return manifest;
}

absl::StatusOr<Platform> ParsePlatform(const JsonReader& entry) {
  Platform platform;
  ASSIGN_OR_RETURN(const std::optional<JsonReader> json, entry.Object("platform"));
  if (!json.has_value()) return platform;
  ASSIGN_OR_RETURN(platform.os, json->String("os"));
  ASSIGN_OR_RETURN(platform.architecture, json->String("architecture"));
  ASSIGN_OR_RETURN(platform.variant, json->String("variant"));
  return platform;
}

absl::StatusOr<Index> ParseIndex(const JsonReader& json) {
  if (!json.Field("manifests").has_value()) return json.Missing("manifests");
  ASSIGN_OR_RETURN(const std::vector<JsonReader> entries, json.Objects("manifests"));
  if (entries.size() > kIndexEntriesLimit) {
    return Invalid(absl::StrCat("an index of ", entries.size(), " manifests; at most ", kIndexEntriesLimit));
  }
  Index index;
  for (const JsonReader& json_entry : entries) {
    IndexEntry entry;
    ASSIGN_OR_RETURN(entry.descriptor, ParseDescriptor(json_entry));
    ASSIGN_OR_RETURN(entry.platform, ParsePlatform(json_entry));
    index.manifests.push_back(std::move(entry));
  }
  return index;
}

absl::Status CheckSchemaVersion(const JsonReader& json, absl::string_view told_type, absl::string_view own_type) {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> version, json.Unsigned("schemaVersion"));
  if (version == 1 || absl::StartsWith(told_type, kDockerSchema1) || absl::StartsWith(own_type, kDockerSchema1)) {
    return Invalid("it is in Docker's schema 1, which is not supported: push the image again with a current tool");
  }
  return version == 2 ? absl::OkStatus() : Invalid("\"schemaVersion\" is not 2");
}

// Decides by content type, "mediaType" and fields whether the document is an index or a manifest. All must agree: if
// two readers disagreed, one digest would name two images.
absl::StatusOr<bool> IsIndex(const JsonReader& json, absl::string_view content_type) {
  ASSIGN_OR_RETURN(const std::string own_type, json.String("mediaType"));
  const std::string told_type = BareType(content_type);
  if (json.Contains("layers") && json.Contains("manifests")) {
    return Invalid("it has both \"layers\" and \"manifests\": it could be read as two different images");
  }
  RETURN_IF_ERROR(CheckSchemaVersion(json, told_type, own_type));
  const bool told = IsManifestType(told_type) || IsIndexType(told_type);
  if (told && !own_type.empty() && own_type != told_type) {
    return Invalid(absl::StrCat("the registry calls it ", told_type, ", but it calls itself ", Quoted(own_type)));
  }
  const std::string& type = told ? told_type : own_type;
  if (!type.empty() && !IsManifestType(type) && !IsIndexType(type)) {
    return Invalid(absl::StrCat("media type ", Quoted(type), " is not that of an image"));
  }
  const bool is_index = type.empty() ? json.Contains("manifests") : IsIndexType(type);
  if (json.Contains(is_index ? "layers" : "manifests")) {
    return Invalid(absl::StrCat("its media type is ", Quoted(type), ", but it has the fields of the other kind"));
  }
  if (is_index && json.Contains("config")) return Invalid("it is an index, but has a \"config\"");
  return is_index;
}

absl::StatusOr<std::variant<Manifest, Index>> Parse(absl::string_view body, absl::string_view content_type) {
  if (body.size() > kManifestBytesLimit) {
    return Invalid(absl::StrCat("it is larger than ", kManifestBytesLimit, " bytes"));
  }
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(body));
  ASSIGN_OR_RETURN(const bool is_index, IsIndex(document.root(), content_type));
  if (is_index) return ParseIndex(document.root());
  return ParseImageManifest(document.root());
}

std::string Describe(const Platform& platform) {
  if (platform.os.empty()) return "unnamed";
  const std::string name = absl::StrCat(platform.os, "/", platform.architecture);
  return absl::CHexEscape(platform.variant.empty() ? name : absl::StrCat(name, "/", platform.variant)).substr(0, 64);
}

// How well `entry` fits; 0 if it does not.
int Fit(const IndexEntry& entry, const Platform& host) {
  const Descriptor& descriptor = entry.descriptor;
  if (!descriptor.media_type.empty() && !IsManifestType(descriptor.media_type) && !IsIndexType(descriptor.media_type)) {
    return 0;
  }
  if (entry.platform.os.empty()) return 1;  // it may fit: its config decides
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
  return absl::NotFoundError(absl::StrCat("the image is not built for ", Describe(host),
                                          ", only for: ", others.empty() ? "nothing" : absl::StrJoin(others, ", ")));
}

}  // namespace crisp
