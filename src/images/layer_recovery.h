// Recovery of layers: what a new daemon does with the layers and root file systems of the one before.
#pragma once

#include "absl/status/status.h"
#include "store/layout.h"

namespace crisp {

class Database;

// Creates the directories of `layout`, then makes disk and database agree:
// - A directory in ingest/, or in layers/ without a layer record, is half unpacked and is removed.
// - A row whose directory is gone is deleted, together with the images on that layer; a pull brings them back.
// - A layer that has a record but no row is recorded again: the database was lost.
// - A container's hold on its layers is restored from its directory, or dropped if that directory is gone.
// Not thread-safe: call once, before anything else uses the layers. Errors are Internal or those of the database.
absl::Status RecoverLayers(const Layout& layout, Database* database);

}  // namespace crisp
