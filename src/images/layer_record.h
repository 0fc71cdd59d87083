// The record that a finished layer carries in an attribute of its directory, and the one of what a container's root
// file system stands on; and what a new daemon makes of both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "images/layer_catalog.h"
#include "store/layout.h"

namespace crisp {

// Layers' directory names: numbers in base 36, "0" to "zzzz…".
std::string LayerName(uint64_t number);
std::optional<uint64_t> ParseLayerName(absl::string_view name);

// On the layer's directory, set once its data is durable: what has it is whole.
absl::Status WriteLayerRecord(int directory, const LayerRow& row);
// Null if it has none.
absl::StatusOr<std::optional<LayerRow>> ReadLayerRecord(const std::string& path, const std::string& name);

// On the container's directory: the names of its layers, lowest first.
absl::Status WriteRootfsRecord(const std::string& path, const std::vector<std::string>& layer_names);
absl::StatusOr<std::vector<std::string>> ReadRootfsRecord(const std::string& path);
absl::Status RemoveRootfsRecord(const std::string& path);

// Makes the directories of `layout`, and brings them and the database into agreement: see LayerStore::Open.
absl::Status RecoverLayers(const Layout& layout, Database* database);

absl::StatusOr<std::vector<LayerRow>> LoadLayerRows(Database* database);
absl::Status InsertLayerRow(Database* database, const LayerRow& row);

}  // namespace crisp
