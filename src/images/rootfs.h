// Root file systems of containers: an overlay of unpacked layers and a writable layer. Which layers a container uses is
// recorded in the database, and on the container's directory in case the database is lost.
//
// After a crash at any point every function may be called again. Errors are Internal.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "images/images.h"
#include "images/layer_row.h"
#include "store/layout.h"

namespace crisp {

class Database;

// `layers` lowest first. Writes the records, creates the writable layer and mounts; after an error nothing is left.
absl::Status MakeRootfs(const Layout& layout, Database* database, const std::vector<LayerRow>& layers,
                        const std::string& container_id, const std::string& target, const RootfsOptions& options = {});

// Unmounts, then removes the writable layer and the records. OK if there is none.
absl::Status RemoveRootfs(const Layout& layout, Database* database, const std::string& container_id,
                          const std::string& target);

}  // namespace crisp
