// Manifests and indexes: Docker's "schema 2" and the OCI image specification 1.1 (manifest.md, image-index.md), as one.
//
// Everything in them was chosen by a stranger: sizes, counts and depths are bounded, digests strict, and what could be
// read as two things is refused (CVE-2021-41190). `urls` of descriptors are ignored: crisp fetches from the registries
// that it was told of only (CVE-2020-15157). Errors are Internal and say what is wrong, NotFound where there is no
// image for this platform.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

inline constexpr size_t kManifestBytesLimit = 4 << 20;
inline constexpr size_t kLayersLimit = 127;

// The Accept header of a request for a manifest: all that ParseManifest reads.
inline constexpr char kManifestAccept[] =
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

struct Descriptor {
  std::string media_type;
  std::string digest;
  uint64_t size = 0;
};

struct Platform {
  std::string os;
  std::string architecture;  // as GOARCH
  std::string variant;
};

// What this machine runs.
Platform HostPlatform();

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
};

struct IndexEntry {
  Descriptor descriptor;
  Platform platform;  // os is empty where the index does not say
};

struct Index {
  std::vector<IndexEntry> manifests;
};

// `content_type`: what the registry, or the descriptor that led here, said; empty if unknown.
absl::StatusOr<std::variant<Manifest, Index>> ParseManifest(absl::string_view body, absl::string_view content_type);

// The entry for `host`: the first that fits best. NotFound naming the platforms that there are.
absl::StatusOr<IndexEntry> ChoosePlatform(const Index& index, const Platform& host);

}  // namespace crisp
