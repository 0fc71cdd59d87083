// LayerRow: one unpacked layer as the table `layers` records it (store/schema.cc), and the names of layer directories.
//
// Stateless; threading and errors as of Database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/database.h"

namespace crisp {

struct LayerRow {
  // The id under which the layer is recorded: the chain id, the digest of the layer and of all below it
  // (layer_store.h); or AnyBaseId, if the result of unpacking it does not depend on the layers below.
  std::string chain_id;
  std::string name;              // of the directory below layers/
  std::string diff_id;           // digest of the unpacked tar
  uint64_t compressed_size = 0;  // bytes of the blob
  uint64_t bytes = 0;            // occupied on disk, in whole blocks
  uint64_t inodes = 0;
};

// The id of a layer that is the same on any base: "any:<diff id>".
std::string AnyBaseId(absl::string_view diff_id);
// True for such an id, and for a chain id.
bool IsLayerId(absl::string_view id);

absl::StatusOr<std::vector<LayerRow>> LoadLayerRows(Database* database);
absl::Status InsertLayerRow(Database::Transaction& transaction, const LayerRow& row);

// The name of a layer's directory: `number` in base 36. Short, so that 500 names fit in the options of one mount.
std::string LayerName(uint64_t number);
// Null if `name` is not such a number.
std::optional<uint64_t> ParseLayerName(absl::string_view name);

}  // namespace crisp
