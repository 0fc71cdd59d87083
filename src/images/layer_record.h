// Records in extended attributes, kept beside the database so that its loss costs no running container its layers:
// - "trusted.crisp.layer" on a layer's directory. It is written once the layer's data is durable, so a directory that
//   has it is complete.
// - "trusted.crisp.rootfs" on a container's directory: the layers of its root file system.
//
// Plain functions, callable from any thread. Errors are ErrnoStatus.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "images/layer_row.h"

namespace crisp {

// `directory` is an open descriptor of the layer's directory.
absl::Status WriteLayerRecord(int directory, const LayerRow& row);
// Null if the directory at `path` has no valid record. `name` becomes LayerRow::name.
absl::StatusOr<std::optional<LayerRow>> ReadLayerRecord(const std::string& path, const std::string& name);

// `path` is a layer's directory. OK if there is no record, or no directory.
absl::Status RemoveLayerRecord(const std::string& path);

// `path` is a container's directory, `layer_names` its layers, lowest first.
absl::Status WriteRootfsRecord(const std::string& path, const std::vector<std::string>& layer_names);
// Empty if there is no record.
absl::StatusOr<std::vector<std::string>> ReadRootfsRecord(const std::string& path);
// OK if there is no record.
absl::Status RemoveRootfsRecord(const std::string& path);

}  // namespace crisp
