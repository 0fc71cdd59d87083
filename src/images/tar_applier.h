// Unpacks a tar into a layer: a lower directory for overlayfs that, mounted on top of the layers below it, looks as if
// the tar had been unpacked onto them (OCI image specification 1.1, layer.md, "Applying Changesets").
//
//   ".wh.<name>"     hides <name> of the layers below: a character device 0:0, if they have it. An entry of that name
//   in
//                    the same tar, before or after it, stays.
//   ".wh..wh..opq"   hides the contents of its directory in the layers below: trusted.overlay.opaque. Neither of the
//   two
//                    makes a directory.
//   ".wh..wh.*"      other bookkeeping of aufs: skipped.
//   devices, fifos   made as in the tar, as other engines do. The device cgroup of a container decides which of them it
//                    can open. A character device 0:0 is a whiteout, because overlayfs treats it so.
//   hard links       to files of this layer, or to a file of a layer below, which is then copied up.
//   xattrs           kept, except for trusted.overlay.* and trusted.crisp.*.
//   owners           by number; names are ignored. 4294967295 is refused, because chown(2) reads it as "no change".
//
// Names and the targets of hard links: a leading "/" is dropped, ".." takes away the component before it, and nothing
// leads out of the root (LayerDirs). What then names the root itself is left out, unless it is a directory.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "images/layer_dirs.h"
#include "images/tar_reader.h"
#include "os/fd.h"

namespace crisp {

// Disk usage of a layer, and whether it looked at the layers below. Data counts in whole blocks of 4 KiB.
struct LayerTotals {
  uint64_t bytes = 0;
  uint64_t inodes = 0;
  bool independent = false;  // the same on any layers below
};

inline constexpr absl::string_view kWhiteoutPrefix = ".wh.";
inline constexpr absl::string_view kOpaqueName = ".wh..wh..opq";

// Marks the root directory of a layer whose tar has an entry for it. Only such a layer sets mode and owner of the root.
inline constexpr absl::string_view kRootCarriedXattr = "trusted.crisp.root";

// Unpacks all of `input` into `root`, a new, empty directory of mode 0700 or below one. Write-back of large files
// has begun when it returns, but nothing is durable. Errors: see layer_store.h. Blocks; checks `call` regularly.
absl::StatusOr<LayerTotals> ApplyTar(TarReader::Input input, Fd root, LayerDirs::Below below, const CallContext& call);

}  // namespace crisp
