// Manifests and indexes of Docker's "schema 2" and of the OCI image specification 1.1 (manifest.md, image-index.md).
//
// Their contents are not trusted: sizes, counts and depths are bounded, digests are strict, and an ambiguous document
// is refused (CVE-2021-41190). `urls` of descriptors are ignored: crisp fetches only from configured registries
// (CVE-2020-15157). Errors are Internal and say what is wrong, NotFound if there is no image for the platform.
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

// The Accept header of a request for a manifest: every type that ParseManifest reads.
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

// The platform of this machine.
Platform HostPlatform();

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
};

struct IndexEntry {
  Descriptor descriptor;
  Platform platform;  // `os` is empty if the index names no platform
};

struct Index {
  std::vector<IndexEntry> manifests;
};

// `content_type` is that of the registry's response or of the descriptor; empty if unknown.
absl::StatusOr<std::variant<Manifest, Index>> ParseManifest(absl::string_view body, absl::string_view content_type);

// The best entry for `host`, and the first of several equal ones. NotFound, naming the platforms of the index, if none
// fits.
absl::StatusOr<IndexEntry> ChoosePlatform(const Index& index, const Platform& host);

}  // namespace crisp
