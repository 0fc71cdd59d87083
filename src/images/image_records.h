// The images in the database: the tables images, image_names and image_layers (store/schema.cc).
//
// Stateless; threading and errors as of Database.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "images/image_parts.h"
#include "images/images.h"
#include "store/database.h"

namespace crisp {

// An image with the ids of its layers (layer_row.h), lowest first. Immutable.
struct ImageRecord {
  std::shared_ptr<const Image> image;
  std::vector<std::string> chain_ids;
};

// By image id.
using ImageRecords = std::map<std::string, ImageRecord>;

// Loads all images. `before` is the result of the previous load; images that have not changed are taken from it.
// An image that has one of the names `pinned`, which are whole, is pinned.
absl::StatusOr<ImageRecords> LoadImages(Database& database, const std::set<std::string>& pinned,
                                        const ImageRecords& before);

// Saves the image, its layers and its names in one transaction. A lease must hold the layers. A name that another image
// has moves to this one. `tag` and `digest` are whole references; `tag` is empty for a pull by digest.
absl::Status SaveImage(Database& database, const ImageParts& image, const std::vector<std::string>& chain_ids,
                       const std::string& tag, const std::string& digest);

// Gives the image the name `tag`, which is whole. One that another image has moves to this one.
absl::Status SaveTag(Database& database, const std::string& id, const std::string& tag);
// OK if there is no such name.
absl::Status DeleteName(Database& database, const std::string& name);

// Deletes the image, its names and its references to layers.
absl::Status DeleteImage(Database& database, const std::string& id);

}  // namespace crisp
