// Root file systems: an overlay of unpacked layers and a writable layer. The record of what one stands on is in the
// database, and on the container's directory in case the database is lost.
//
// All functions may be called again after a crash at any point. Errors are Internal.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "images/images.h"
#include "images/layer_catalog.h"
#include "store/layout.h"

namespace crisp {

class Database;

// `layers` lowest first. Records, makes and mounts; or leaves nothing behind.
absl::Status MakeRootfs(const Layout& layout, Database* database, const std::vector<LayerRow>& layers,
                        const std::string& container_id, const std::string& target, const RootfsOptions& options = {});

// Unmounts, removes, and forgets. OK if there is nothing.
absl::Status RemoveRootfs(const Layout& layout, Database* database, const std::string& container_id,
                          const std::string& target);

}  // namespace crisp
