// SpoolImageArchive: an archive of images that comes as a stream, as an OCI layout on disk.
//
// It takes the archives of `docker save`, old and new, and OCI layouts in a tar, each plain or packed with gzip or
// zstd. The stream can name its layers after it has sent them, so everything is written to disk before it is looked at.
// What of it is not a regular file, or a link of an old `docker save` from one layer to another, is left out.
//
// Threading: any thread; it blocks, and checks `call` regularly.
// Errors: InvalidArgument for what is no such archive, with the reason; those of the input; Internal for faults of the
// machine.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"

namespace crisp {

// Returns the next bytes, valid until the next call; empty at the end.
using ArchiveInput = std::function<absl::StatusOr<absl::string_view>()>;

// `directory` is empty and becomes an OCI layout, which images/oci_layout.h reads.
absl::Status SpoolImageArchive(const ArchiveInput& input, const std::string& directory, const CallContext& call);

}  // namespace crisp
