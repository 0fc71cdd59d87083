// Manifests and indexes of Docker's "schema 2" and of the OCI image specification 1.1 (manifest.md, image-index.md).
//
// Their contents are not trusted: sizes, counts and depths are bounded, digests are strict, and an ambiguous document
// is refused (CVE-2021-41190). `urls` of descriptors are ignored: crisp fetches only from configured registries
// (CVE-2020-15157). Errors are Internal and say what is wrong.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "images/platform.h"

namespace crisp {

inline constexpr size_t kManifestBytesLimit = 4 << 20;
inline constexpr size_t kLayersLimit = 500;  // what overlayfs stacks

// The Accept header of a request for a manifest: every type that ParseManifest reads.
inline constexpr char kManifestAccept[] =
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

struct Descriptor {
  std::string media_type;
  std::string digest;
  uint64_t size = 0;
};

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
};

struct IndexEntry {
  Descriptor descriptor;
  Platform platform;    // `architecture` is empty if the index does not name it
  size_t position = 0;  // in the index's list
};

struct Index {
  std::vector<IndexEntry> manifests;
  std::string first_fault;  // what is wrong with the first entry that cannot be read; such entries are left out
};

// `content_type` is that of the registry's response or of the descriptor; empty if unknown. Only whether it means a
// manifest or an index counts, as for "mediaType".
absl::StatusOr<std::variant<Manifest, Index>> ParseManifest(absl::string_view body, absl::string_view content_type);

// True for the type of an index, of Docker's or the OCI's.
bool IsIndexType(absl::string_view media_type);

// True for a layer that its publisher does not want in other registries. Some registries have it all the same.
bool IsForeignLayer(absl::string_view media_type);

// The entries that `host` can run, best first, and in the order of the index if they are equal. Those for which the
// index does not name a platform are at the end: what they lead to decides.
std::vector<IndexEntry> EntriesFor(const Index& index, const Platform& host);

// NotFound, naming the platforms `others` that there are instead, and `fault`, if not empty, as a possible reason.
absl::Status NotBuiltFor(const Platform& host, const std::set<std::string>& others, absl::string_view fault);

}  // namespace crisp
