#include "tests/oci/image_layout.h"

#include <fcntl.h>
#include <sys/utsname.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "tests/oci/blob_store.h"

namespace crisp {
namespace {

using nlohmann::json;

// The names that the two families have for the same things.
struct MediaTypes {
  const char* index;
  const char* manifest;
  const char* config;
  const char* layer_tar;
  const char* layer_gzip;
  const char* layer_zstd;
};
constexpr MediaTypes kOciTypes = {
    "application/vnd.oci.image.index.v1+json",     "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.config.v1+json",    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+zstd"};
constexpr MediaTypes kDockerTypes = {"application/vnd.docker.distribution.manifest.list.v2+json",
                                     "application/vnd.docker.distribution.manifest.v2+json",
                                     "application/vnd.docker.container.image.v1+json",
                                     "application/vnd.docker.image.rootfs.diff.tar",
                                     "application/vnd.docker.image.rootfs.diff.tar.gzip",
                                     "application/vnd.docker.image.rootfs.diff.tar.zstd"};

const MediaTypes& TypesOf(const ImageDescription& image) {
  return image.format == ManifestFormat::kOci ? kOciTypes : kDockerTypes;
}

const char* LayerType(const MediaTypes& types, Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return types.layer_tar;
    case Compression::kGzip:
      return types.layer_gzip;
    case Compression::kZstd:
      return types.layer_zstd;
  }
  return types.layer_gzip;
}

json ToJson(const BlobDescriptor& blob) {
  return {{"mediaType", blob.media_type}, {"digest", blob.digest}, {"size", blob.size}};
}

std::string Os(const ImageDescription& image) {
  return image.config.os.empty() ? "linux" : image.config.os;
}

std::string Architecture(const ImageDescription& image) {
  return image.config.architecture.empty() ? HostArchitecture() : image.config.architecture;
}

json RunConfig(const ImageDescription& image) {
  const ImageConfig& from = image.config;
  json config = json::object();
  if (!from.user.empty()) config["User"] = from.user;
  if (!from.env.empty()) config["Env"] = from.env;
  if (!from.entrypoint.empty()) config["Entrypoint"] = from.entrypoint;
  if (!from.cmd.empty()) config["Cmd"] = from.cmd;
  if (!from.working_dir.empty()) config["WorkingDir"] = from.working_dir;
  if (!from.stop_signal.empty()) config["StopSignal"] = from.stop_signal;
  for (const std::string& volume : from.volumes) config["Volumes"][volume] = json::object();
  for (const auto& [name, value] : image.labels) config["Labels"][name] = value;
  return config;
}

absl::StatusOr<json> WriteLayers(const BlobStore& blobs, const ImageDescription& image, WrittenImage* written) {
  json layers = json::array();
  for (const LayerDescription& layer : image.layers) {
    ASSIGN_OR_RETURN(const std::string tar, MakeLayerTar(layer.entries));
    ASSIGN_OR_RETURN(const std::string packed, Compress(tar, layer.compression));
    ASSIGN_OR_RETURN(const BlobDescriptor blob, blobs.Put(LayerType(TypesOf(image), layer.compression), packed));
    written->diff_ids.push_back(BlobDigest(tar));
    written->layer_digests.push_back(blob.digest);
    layers.push_back(ToJson(blob));
  }
  return layers;
}

absl::StatusOr<BlobDescriptor> WriteConfig(const BlobStore& blobs, const ImageDescription& image,
                                           const WrittenImage& written) {
  const json config = {{"created", "1970-01-01T00:00:00Z"},
                       {"architecture", Architecture(image)},
                       {"os", Os(image)},
                       {"config", RunConfig(image)},
                       {"rootfs", {{"type", "layers"}, {"diff_ids", written.diff_ids}}},
                       {"history", json::array()}};
  return blobs.Put(TypesOf(image).config, config.dump());
}

absl::StatusOr<BlobDescriptor> WriteIndex(const BlobStore& blobs, const ImageDescription& image,
                                          const BlobDescriptor& manifest) {
  json mine = ToJson(manifest);
  mine["platform"] = {{"os", Os(image)}, {"architecture", Architecture(image)}};
  const BlobDescriptor absent{manifest.media_type, BlobDigest("a manifest for a machine of another kind"), 40};
  json foreign = ToJson(absent);
  foreign["platform"] = {{"os", Os(image)}, {"architecture", "s390x"}};
  const json index = {
      {"schemaVersion", 2}, {"mediaType", TypesOf(image).index}, {"manifests", json::array({foreign, mine})}};
  return blobs.Put(TypesOf(image).index, index.dump());
}

// Writes all blobs of one image, and returns its line in index.json.
absl::StatusOr<json> WriteImage(const BlobStore& blobs, const ImageDescription& image, WrittenImage* written) {
  ASSIGN_OR_RETURN(const json layers, WriteLayers(blobs, image, written));
  ASSIGN_OR_RETURN(const BlobDescriptor config, WriteConfig(blobs, image, *written));
  const json manifest_json = {
      {"schemaVersion", 2}, {"mediaType", TypesOf(image).manifest}, {"config", ToJson(config)}, {"layers", layers}};
  ASSIGN_OR_RETURN(const BlobDescriptor manifest, blobs.Put(TypesOf(image).manifest, manifest_json.dump()));
  BlobDescriptor named = manifest;
  if (image.with_index) {
    ASSIGN_OR_RETURN(named, WriteIndex(blobs, image, manifest));
  }
  written->config_digest = config.digest;
  written->manifest_digest = manifest.digest;
  written->digest = named.digest;
  json line = ToJson(named);
  if (!image.reference.empty()) line["annotations"]["org.opencontainers.image.ref.name"] = image.reference;
  return line;
}

}  // namespace

std::string HostArchitecture() {
  utsname name;
  if (uname(&name) != 0) return "unknown";
  const std::string machine = name.machine;
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return machine;
}

absl::StatusOr<std::vector<WrittenImage>> WriteImageLayout(const std::string& directory,
                                                           const std::vector<ImageDescription>& images) {
  ASSIGN_OR_RETURN(const BlobStore blobs, BlobStore::Open(directory), "write image layout ", directory);
  std::vector<WrittenImage> all;
  json lines = json::array();
  for (const ImageDescription& image : images) {
    WrittenImage written;
    ASSIGN_OR_RETURN(json line, WriteImage(blobs, image, &written), "write image ", image.reference);
    lines.push_back(std::move(line));
    all.push_back(std::move(written));
  }
  const json index = {{"schemaVersion", 2}, {"mediaType", kOciTypes.index}, {"manifests", lines}};
  RETURN_IF_ERROR(WriteFileAt(AT_FDCWD, absl::StrCat(directory, "/index.json"), index.dump(), 0644));
  RETURN_IF_ERROR(
      WriteFileAt(AT_FDCWD, absl::StrCat(directory, "/oci-layout"), R"({"imageLayoutVersion":"1.0.0"})", 0644));
  return all;
}

}  // namespace crisp
