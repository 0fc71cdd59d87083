#include "images/manifest.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
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

absl::Status Invalid(absl::string_view text) {
  return absl::InternalError(text);
}

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, 200)), "\"");
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
  // Docker 1.10 pushed configs as octet-stream, and some tools write no type; such images are still in use.
  if (type.empty() || type == "application/vnd.docker.container.image.v1+json" ||
      type == "application/vnd.oci.image.config.v1+json" || type == "application/octet-stream") {
    return absl::OkStatus();
  }
  if (absl::StrContains(type, "+encrypted")) return Invalid("the image config is encrypted, which is not supported");
  return Invalid(absl::StrCat("this is not a container image but an artifact (config media type ", Quoted(type), ")"));
}

absl::Status CheckLayerType(absl::string_view type) {
  if (absl::StrContains(type, "+encrypted")) {
    return Invalid("it is encrypted, which is not supported: push the image unencrypted");
  }
  static const std::set<absl::string_view>* const kKnown = new std::set<absl::string_view>{
      "application/vnd.docker.image.rootfs.diff.tar",
      "application/vnd.docker.image.rootfs.diff.tar.gzip",
      "application/vnd.docker.image.rootfs.diff.tar.zstd",
      "application/vnd.docker.image.rootfs.foreign.diff.tar",
      "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      "application/vnd.oci.image.layer.v1.tar",
      "application/vnd.oci.image.layer.nondistributable.v1.tar",
  };
  absl::string_view base = type;
  // The compression is seen from the data.
  if (!absl::ConsumeSuffix(&base, "+gzip")) absl::ConsumeSuffix(&base, "+zstd");
  if (kKnown->count(base) == 0) return Invalid(absl::StrCat("its media type ", Quoted(type), " is not supported"));
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
  // An image without layers has an empty list, or "null" if a Go program wrote it.
  ASSIGN_OR_RETURN(const std::vector<JsonReader> layers, json.Objects("layers"));
  if (layers.size() > kLayersLimit) {
    return Invalid(absl::StrCat("the image has ", layers.size(), " layers; overlayfs stacks at most ", kLayersLimit));
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
  ASSIGN_OR_RETURN(const std::vector<std::string> features, json->Strings("os.features"));
  platform.needs_features = !features.empty();
  return platform;
}

absl::StatusOr<IndexEntry> ParseIndexEntry(const JsonReader& item, size_t position) {
  ASSIGN_OR_RETURN(const JsonReader json, item.AsObject());
  IndexEntry entry;
  entry.position = position;
  ASSIGN_OR_RETURN(entry.descriptor, ParseDescriptor(json));
  ASSIGN_OR_RETURN(entry.platform, ParsePlatform(json));
  return entry;
}

// An entry that cannot be read may be meant for other tools or machines, and does not void the others.
absl::StatusOr<Index> ParseIndex(const JsonReader& json) {
  if (!json.Field("manifests").has_value()) return json.Missing("manifests");
  ASSIGN_OR_RETURN(const std::vector<JsonReader> items, json.Items("manifests"));
  Index index;
  for (size_t i = 0; i < items.size(); ++i) {
    absl::StatusOr<IndexEntry> entry = ParseIndexEntry(items[i], i);
    if (entry.ok()) {
      index.manifests.push_back(*std::move(entry));
    } else if (index.first_fault.empty()) {
      index.first_fault = std::string(entry.status().message());
    }
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

enum class Kind { kUnknown, kManifest, kIndex };

Kind KindOf(absl::string_view type) {
  return IsIndexType(type) ? Kind::kIndex : IsManifestType(type) ? Kind::kManifest : Kind::kUnknown;
}

// Decides by content type, "mediaType" and fields whether the document is an index or a manifest. All must agree: if
// two readers disagreed, one digest would name two images. Docker's and OCI's types of one kind mean the same.
absl::StatusOr<bool> IsIndex(const JsonReader& json, absl::string_view content_type) {
  ASSIGN_OR_RETURN(const std::string own_type, json.String("mediaType"));
  const std::string told_type = BareType(content_type);
  if (json.Contains("layers") && json.Contains("manifests")) {
    return Invalid("it has both \"layers\" and \"manifests\": it could be read as two different images");
  }
  RETURN_IF_ERROR(CheckSchemaVersion(json, told_type, own_type));
  const Kind told = KindOf(told_type), own = KindOf(own_type);
  if (told != Kind::kUnknown && own != Kind::kUnknown && told != own) {
    return Invalid(absl::StrCat("the registry calls it ", told_type, ", but it calls itself ", Quoted(own_type)));
  }
  Kind kind = told != Kind::kUnknown ? told : own;
  if (kind == Kind::kUnknown && !own_type.empty()) {
    return Invalid(absl::StrCat("media type ", Quoted(own_type), " is not that of an image"));
  }
  const std::string& type = told != Kind::kUnknown ? told_type : own_type;
  if (kind == Kind::kUnknown) kind = json.Contains("manifests") ? Kind::kIndex : Kind::kManifest;
  const bool is_index = kind == Kind::kIndex;
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

// Nothing if the machine cannot use the entry.
std::optional<int> RankOf(const IndexEntry& entry, const Platform& host) {
  constexpr int kUntoldRank = 1000;
  const std::string& type = entry.descriptor.media_type;
  if (!type.empty() && !IsManifestType(type) && !IsIndexType(type)) return std::nullopt;
  if (entry.platform.architecture.empty() && Normalized(entry.platform).os == host.os) return kUntoldRank;
  return PlatformRank(host, entry.platform);
}

}  // namespace

bool IsIndexType(absl::string_view media_type) {
  return media_type == kDockerList || media_type == kOciIndex;
}

absl::StatusOr<std::variant<Manifest, Index>> ParseManifest(absl::string_view body, absl::string_view content_type) {
  ASSIGN_OR_RETURN(auto parsed, Parse(body, content_type), "image manifest");
  return parsed;
}

bool IsForeignLayer(absl::string_view media_type) {
  return absl::StrContains(media_type, ".foreign.") || absl::StrContains(media_type, ".nondistributable.");
}

std::vector<IndexEntry> EntriesFor(const Index& index, const Platform& host) {
  std::multimap<int, const IndexEntry*> by_rank;  // keeps the order of equal ones
  for (const IndexEntry& entry : index.manifests) {
    if (const std::optional<int> rank = RankOf(entry, host); rank.has_value()) by_rank.emplace(*rank, &entry);
  }
  std::vector<IndexEntry> entries;
  for (const auto& [rank, entry] : by_rank) entries.push_back(*entry);
  return entries;
}

absl::Status NotBuiltFor(const Platform& host, const std::set<std::string>& others, absl::string_view fault) {
  constexpr size_t kMostNamed = 20;
  std::vector<std::string> named;
  for (const std::string& other : others) {
    if (named.size() < kMostNamed) named.push_back(other);
  }
  std::string text = absl::StrCat("the image is not built for ", Describe(host),
                                  ", only for: ", named.empty() ? "nothing" : absl::StrJoin(named, ", "));
  if (others.size() > kMostNamed) absl::StrAppend(&text, ", ...");
  if (!fault.empty()) absl::StrAppend(&text, " (an entry of its index cannot be used: ", fault, ")");
  return absl::NotFoundError(text);
}

}  // namespace crisp
