// Unpacking a tar into a layer: a directory that overlayfs can use as a lower one, and that looks, on top of the layers
// below it, as if the tar had been unpacked onto them (OCI image specification 1.1, layer.md, "Applying Changesets").
//
//   ".wh.<name>"     hides <name> of the layers below: a character device 0:0. An entry of that name in the same tar,
//                    before or after it, stays.
//   ".wh..wh..opq"   hides all that the layers below have in its directory: trusted.overlay.opaque.
//   ".wh..wh.*"      other bookkeeping of aufs: left out.
//   devices, fifos   made as in the tar, like other engines do; what of them can be opened, the container's device
//                    cgroup decides. A character device 0:0 is a whiteout, which is what overlayfs would take it for.
//   hard links       of this layer, or to a file of a layer below, which is then copied up whole.
//   xattrs           kept, but for trusted.overlay.* and trusted.crisp.*, which are dropped.
//   owners           by number; names are ignored. 4294967295, which chown(2) takes for "no change", is refused.
//
// Names: a leading "/" is dropped; ".." is refused; nothing is followed out of the root (LayerDirs).
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "base/call.h"
#include "images/layer_dirs.h"
#include "images/tar_reader.h"
#include "os/fd.h"

namespace crisp {

// What a layer takes on disk: data in whole blocks of 4 KiB, as written.
struct LayerTotals {
  uint64_t bytes = 0;
  uint64_t inodes = 0;
};

// Set on the root directory of a layer whose tar has an entry for it: only then is the root's mode and owner this
// layer's to say.
inline constexpr absl::string_view kRootCarriedXattr = "trusted.crisp.root";

// Unpacks all of `input` into `root`, a new, empty directory of 0700 or below one. Write-back of what is large has
// begun when it returns, nothing is durable yet. Errors: see layer_store.h. Blocks; looks at `call` now and then.
absl::StatusOr<LayerTotals> ApplyTar(TarReader::Input input, Fd root, LayerDirs::Below below, const Call& call);

}  // namespace crisp
