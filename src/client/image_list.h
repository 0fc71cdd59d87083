// Rows about images, for lists.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "client/list_output.h"
#include "client/runtime_client.h"

namespace crisp::client {

// A row for each tag; an image without one has "<none>". Fields: ID, Repository, Tag, Name, Digest, Created,
// CreatedAt (RFC 3339), Platform, Size, BlobSize, Pinned; the last five as far as the runtime tells them.
absl::StatusOr<std::vector<Row>> ImageRows(RuntimeClient* runtime, const std::string& filter, bool whole_ids);

}  // namespace crisp::client
