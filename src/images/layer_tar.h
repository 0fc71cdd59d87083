// WriteLayerTar: the tar of a layer, made again from the directory that it was unpacked into: the opposite of ApplyTar.
//
// It has the layer's files with owners, modes, times in seconds, extended attributes and hard links, sorted by name.
// Whiteouts and opaque directories become those of the OCI (image specification 1.1, layer.md, "Whiteouts"). It is not
// the tar that was pulled: that had its own order and headers, so the diff id differs. Directories of layers do not
// change, so that it is the same each time.
//
// Threading: any thread; it blocks, and checks `call` regularly. Errors: those of the sink; else Internal with the
// path.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "base/call_context.h"
#include "images/tar_output.h"

namespace crisp {

absl::Status WriteLayerTar(const std::string& directory, const TarOutput::Sink& sink, const CallContext& call);

}  // namespace crisp
