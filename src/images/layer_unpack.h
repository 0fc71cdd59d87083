// One layer, in one pass: receive, SHA-256 of the blob, inflate, SHA-256 of the tar, unpack. Nothing of the blob is
// kept. Two threads, the caller's unpacks: see BlockRing.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "base/call.h"
#include "images/layer_dirs.h"
#include "images/layer_store.h"
#include "images/tar_applier.h"
#include "os/fd.h"

namespace crisp {

// Fetches `layer` from `source` and unpacks it into `root`. Good only if size, digest and diff id are right to the
// byte; what is in `root` after an error is of no use. `ring_bytes` may be in flight between the threads. Errors and
// threading: see layer_store.h.
absl::StatusOr<LayerTotals> UnpackLayer(const LayerDescriptor& layer, LayerSource& source, Fd root,
                                        LayerDirs::Below below, size_t ring_bytes, const Call& call);

}  // namespace crisp
