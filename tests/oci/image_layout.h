// Writes an OCI image layout: a directory with images in it, as `skopeo copy oci:DIR …` and crisp's preload directory
// read them (OCI image specification 1.1: image-layout.md, manifest.md, image-index.md, config.md).
//
// The same description makes the same digests on every machine and day.
// Threading: plain functions; two may not write one directory at once. Errors: Internal, naming the image.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/image_config.h"
#include "tests/oci/layer_tar.h"

namespace crisp {

struct LayerDescription {
  std::vector<LayerEntry> entries;
  Compression compression = Compression::kGzip;
};

enum class ManifestFormat { kOci, kDockerSchema2 };

struct ImageDescription {
  std::string
      reference;  // the whole one: "docker.io/library/busybox:latest"; becomes org.opencontainers.image.ref.name
  std::vector<LayerDescription> layers;  // lowest first
  ImageConfig config;                    // empty os and architecture: linux, and this machine's
  std::map<std::string, std::string> labels;
  ManifestFormat format = ManifestFormat::kOci;
  // Puts an index (Docker: a manifest list) before the manifest, which names a foreign platform first: whoever takes
  // the first entry takes the wrong one, and finds no blob for it.
  bool with_index = false;
};

struct WrittenImage {
  std::string digest;  // of what the reference names: the manifest, or the index before it
  std::string manifest_digest;
  std::string config_digest;  // the image's id
  std::vector<std::string> layer_digests;
  std::vector<std::string> diff_ids;
};

// Writes `images` as the layout `directory`, in place of the index.json that may be there; blobs are only added.
absl::StatusOr<std::vector<WrittenImage>> WriteImageLayout(const std::string& directory,
                                                           const std::vector<ImageDescription>& images);

// The architecture of this machine as images name it: "amd64", "arm64"; else uname's own name.
std::string HostArchitecture();

}  // namespace crisp
