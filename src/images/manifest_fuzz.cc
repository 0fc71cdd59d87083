// Whatever a registry sends as a manifest, an index or an image config: bounded work, no crash, and what is accepted
// keeps the promises of the headers.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "images/digest.h"
#include "images/image_config.h"
#include "images/manifest.h"
#include "images/registry_auth.h"

using crisp::Index;
using crisp::IsDigest;
using crisp::Manifest;

namespace {

void Must(bool holds) {
  if (!holds) std::abort();
}

void CheckManifest(const Manifest& manifest) {
  Must(manifest.layers.size() <= crisp::kLayersLimit);
  Must(IsDigest(manifest.config.digest) && manifest.config.size > 0);
  for (const crisp::Descriptor& layer : manifest.layers) Must(IsDigest(layer.digest) && !layer.media_type.empty());
}

void CheckIndex(const Index& index) {
  for (const crisp::IndexEntry& entry : index.manifests) Must(IsDigest(entry.descriptor.digest));
  Must(crisp::EntriesFor(index, crisp::HostPlatform()).size() <= index.manifests.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  for (const char* type : {"", "application/vnd.oci.image.index.v1+json"}) {
    const auto parsed = crisp::ParseManifest(text, type);
    if (!parsed.ok()) continue;
    if (const auto* manifest = std::get_if<Manifest>(&*parsed)) CheckManifest(*manifest);
    if (const auto* index = std::get_if<Index>(&*parsed)) CheckIndex(*index);
  }
  if (const auto config = crisp::ParseImageConfig(text); config.ok()) {
    for (const std::string& diff_id : config->diff_ids) Must(IsDigest(diff_id));
  }
  (void)crisp::ParseChallenges(text);
  return 0;
}
