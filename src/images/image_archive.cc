#include "images/image_archive.h"

#include <cstdint>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/json.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "images/layer_tar.h"
#include "images/tar_output.h"

namespace crisp {
namespace {

constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";
constexpr char kConfigType[] = "application/vnd.oci.image.config.v1+json";
constexpr char kLayerType[] = "application/vnd.oci.image.layer.v1.tar";
constexpr char kLayoutMarker[] = R"({"imageLayoutVersion":"1.0.0"})";

struct Blob {
  std::string digest;
  uint64_t size = 0;
};

std::string PathOf(const std::string& digest) {
  return absl::StrCat("blobs/sha256/", digest.substr(digest.find(':') + 1));
}

Json DescriptorOf(const char* type, const Blob& blob) {
  return {{"mediaType", type}, {"digest", blob.digest}, {"size", blob.size}};
}

class ArchiveWriter {
 public:
  ArchiveWriter(const std::vector<ImageToSave>& images, TarOutput* tar, const CallContext* call)
      : images_(images), tar_(tar), call_(call) {}

  absl::Status Run() {
    RETURN_IF_ERROR(MeasureLayers());
    for (const ImageToSave& image : images_) RETURN_IF_ERROR(Describe(image), image.image->id);
    RETURN_IF_ERROR(tar_->AddFile("oci-layout", kLayoutMarker));
    RETURN_IF_ERROR(tar_->AddFile("index.json", DumpJson({{"schemaVersion", 2}, {"manifests", std::move(index_)}})));
    RETURN_IF_ERROR(tar_->AddFile("manifest.json", DumpJson(docker_)));
    for (const auto& [digest, text] : small_blobs_) RETURN_IF_ERROR(tar_->AddFile(PathOf(digest), text));
    for (const auto& [digest, directory] : by_digest_) RETURN_IF_ERROR(WriteLayer(directory, layers_.at(directory)));
    return tar_->Finish();
  }

 private:
  absl::Status MeasureLayers() {
    for (const ImageToSave& image : images_) {
      for (const std::string& directory : image.layers) {
        if (layers_.count(directory) != 0) continue;
        DigestHasher hasher;
        Blob blob;
        const auto count = [&](absl::string_view bytes) {
          hasher.Update(bytes);
          blob.size += bytes.size();
          return absl::OkStatus();
        };
        RETURN_IF_ERROR(WriteLayerTar(directory, count, *call_));
        blob.digest = hasher.Finish();
        by_digest_[blob.digest] = directory;
        layers_[directory] = blob;
      }
    }
    return absl::OkStatus();
  }

  Blob AddSmall(std::string text) {
    Blob blob{DigestOf(text), text.size()};
    small_blobs_[blob.digest] = std::move(text);
    return blob;
  }

  // Its config, its manifest, and its lines in the two tables of contents.
  absl::Status Describe(const ImageToSave& image) {
    ASSIGN_OR_RETURN(Json config, ParseJsonObject(image.image->config_json));
    Json diff_ids = Json::array(), layers = Json::array(), paths = Json::array();
    for (const std::string& directory : image.layers) {
      const Blob& layer = layers_.at(directory);
      diff_ids.push_back(layer.digest);
      layers.push_back(DescriptorOf(kLayerType, layer));
      paths.push_back(PathOf(layer.digest));
    }
    config["rootfs"] = {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}};
    const Blob config_blob = AddSmall(DumpJson(config));
    const Blob manifest = AddSmall(DumpJson({{"schemaVersion", 2},
                                             {"mediaType", kManifestType},
                                             {"config", DescriptorOf(kConfigType, config_blob)},
                                             {"layers", std::move(layers)}}));
    for (const std::string& tag : image.tags) {
      Json entry = DescriptorOf(kManifestType, manifest);
      entry["annotations"] = {{"io.containerd.image.name", tag},
                              {"org.opencontainers.image.ref.name", tag.substr(tag.rfind(':') + 1)}};
      index_.push_back(std::move(entry));
    }
    if (image.tags.empty()) index_.push_back(DescriptorOf(kManifestType, manifest));
    docker_.push_back({{"Config", PathOf(config_blob.digest)}, {"RepoTags", image.tags}, {"Layers", std::move(paths)}});
    return absl::OkStatus();
  }

  absl::Status WriteLayer(const std::string& directory, const Blob& blob) {
    const TarOutput::Entry entry = TarOutput::NewEntry();
    archive_entry_set_pathname(entry.get(), PathOf(blob.digest).c_str());
    archive_entry_set_mode(entry.get(), AE_IFREG | 0644);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(blob.size));
    RETURN_IF_ERROR(tar_->Begin(entry));
    uint64_t written = 0;
    const auto write = [&](absl::string_view bytes) {
      written += bytes.size();
      return tar_->Data(bytes);
    };
    RETURN_IF_ERROR(WriteLayerTar(directory, write, *call_));
    if (written == blob.size) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("layer ", directory, " has changed while it was saved"));
  }

  const std::vector<ImageToSave>& images_;
  TarOutput* const tar_;
  const CallContext* const call_;
  std::map<std::string, Blob> layers_;              // by directory
  std::map<std::string, std::string> by_digest_;    // directories; two of equal contents are written once
  std::map<std::string, std::string> small_blobs_;  // configs and manifests, by digest
  Json index_ = Json::array();
  Json docker_ = Json::array();
};

}  // namespace

absl::Status WriteImageArchive(const std::vector<ImageToSave>& images,
                               const std::function<absl::Status(absl::string_view)>& sink, const CallContext& call) {
  TarOutput tar(sink);
  RETURN_IF_ERROR(tar.Open());
  return ArchiveWriter(images, &tar, &call).Run();
}

}  // namespace crisp
