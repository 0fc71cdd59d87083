// UnpackLayer: one layer in one pass: receive, hash the blob, decompress, hash the tar, unpack. The blob is not kept.
#pragma once

#include <cstddef>
#include <functional>

#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "images/layer_dirs.h"
#include "images/layer_source.h"
#include "images/tar_applier.h"
#include "os/fd.h"

namespace crisp {

// Fetches `layer` from `source` and unpacks it into `root`. The size, the digest and the diff id must all match. After
// an error the contents of `root` are undefined. One more thread receives and decompresses while the caller's unpacks;
// up to `ring_bytes` are in flight between them. It calls `fetched` once the whole blob is received and verified.
// Errors: see layer_store.h.
absl::StatusOr<LayerTotals> UnpackLayer(const LayerDescriptor& layer, LayerSource& source, Fd root,
                                        LayerDirs::Below below, size_t ring_bytes, const std::function<void()>& fetched,
                                        const CallContext& call);

}  // namespace crisp
