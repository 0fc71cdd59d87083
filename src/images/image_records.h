// The images on record: the tables images, image_names and image_layers (store/schema.cc).
//
// Stateless; threading and errors as of Database.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "images/image_source.h"
#include "images/images.h"
#include "store/database.h"

namespace crisp {

// An image with the chain ids of its layers, lowest first. Immutable.
struct ImageRecord {
  std::shared_ptr<const Image> image;
  std::vector<std::string> chain_ids;
};

// By id, so in their order.
using ImageRecords = std::map<std::string, ImageRecord>;

// All images. `before`: what was loaded last, whose unchanged parts are taken over. `pinned_image`: as in
// ImagesOptions, normalised, or empty.
absl::StatusOr<ImageRecords> LoadImages(Database& database, const std::string& pinned_image,
                                        const ImageRecords& before);

// In one transaction: the image, its layers (a lease holds them), and its names, which move here from whatever image
// had them. `tag` and `digest` are whole references; `tag` is empty if it was asked for by digest.
absl::Status SaveImage(Database& database, const ImageParts& image, const std::vector<std::string>& chain_ids,
                       const std::string& tag, const std::string& digest);

// The image with its names and its hold on layers.
absl::Status DeleteImage(Database& database, const std::string& id);

}  // namespace crisp
