#include "images/image_records.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

struct Names {
  std::vector<std::string> tags;
  std::vector<std::string> digests;
};

constexpr char kSaveName[] =
    "INSERT INTO image_names (name, image_id, is_digest) VALUES (?, ?, ?) "
    "ON CONFLICT (name) DO UPDATE SET image_id = excluded.image_id";

absl::StatusOr<std::map<std::string, Names>> LoadNames(Database& database) {
  std::map<std::string, Names> names;
  RETURN_IF_ERROR(
      database.Query("SELECT image_id, name, is_digest FROM image_names ORDER BY name", [&](const Row& row) {
        Names& of_image = names[row.Text(0)];
        (row.Int(2) != 0 ? of_image.digests : of_image.tags).push_back(row.Text(1));
      }));
  return names;
}

absl::StatusOr<std::map<std::string, std::vector<std::string>>> LoadChains(Database& database) {
  std::map<std::string, std::vector<std::string>> chains;
  RETURN_IF_ERROR(database.Query("SELECT image_id, chain_id FROM image_layers ORDER BY image_id, position",
                                 [&](const Row& row) { chains[row.Text(0)].push_back(row.Text(1)); }));
  return chains;
}

bool HasOneOf(const std::vector<std::string>& names, const std::set<std::string>& wanted) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) { return wanted.contains(name); });
}

// Most of an image's size is its config, so an image that was loaded before is not parsed again.
absl::StatusOr<Image> MakeImage(const Row& row, const ImageRecords& before) {
  const std::string id = row.Text(0);
  if (const auto it = before.find(id); it != before.end()) return *it->second.image;
  Image image;
  image.id = id;
  image.config_json = row.Text(1);
  image.size = static_cast<uint64_t>(row.Int(2));
  ASSIGN_OR_RETURN(ParsedImageConfig parsed, ParseImageConfig(image.config_json));
  image.config = std::move(parsed.config);
  return image;
}

}  // namespace

absl::StatusOr<ImageRecords> LoadImages(Database& database, const std::set<std::string>& pinned,
                                        const ImageRecords& before) {
  ASSIGN_OR_RETURN(auto names, LoadNames(database));
  ASSIGN_OR_RETURN(auto chains, LoadChains(database));
  ImageRecords records;
  RETURN_IF_ERROR(database.Query("SELECT id, config, size FROM images ORDER BY id", [&](const Row& row) {
    absl::StatusOr<Image> image = MakeImage(row, before);
    if (!image.ok()) {
      LogError("the record of an image cannot be read: the image is not listed, pull it again",
               {{"image", row.Text(0)}, {"error", image.status().message()}});
      return;
    }
    image->repo_tags = std::move(names[image->id].tags);
    image->repo_digests = std::move(names[image->id].digests);
    image->pinned = HasOneOf(image->repo_tags, pinned) || HasOneOf(image->repo_digests, pinned);
    const std::string id = image->id;
    records[id] = {std::make_shared<const Image>(*std::move(image)), std::move(chains[id])};
  }));
  return records;
}

absl::Status SaveImage(Database& database, const ImageParts& image, const std::vector<std::string>& chain_ids,
                       const std::string& tag, const std::string& digest) {
  return database.Keep([&](Database::Transaction& transaction) -> absl::Status {
    RETURN_IF_ERROR(
        transaction.Run("INSERT INTO images (id, config, size) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING", image.id,
                        image.config_json, static_cast<int64_t>(image.size)));
    for (size_t i = 0; i < chain_ids.size(); ++i) {
      RETURN_IF_ERROR(transaction.Run(
          "INSERT INTO image_layers (image_id, position, chain_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", image.id,
          static_cast<int64_t>(i), chain_ids[i]));
    }
    if (!tag.empty()) RETURN_IF_ERROR(transaction.Run(kSaveName, tag, image.id, false));
    return transaction.Run(kSaveName, digest, image.id, true);
  });
}

absl::Status SaveTag(Database& database, const std::string& id, const std::string& tag) {
  return database.Keep([&](Database::Transaction& transaction) { return transaction.Run(kSaveName, tag, id, false); });
}

absl::Status DeleteName(Database& database, const std::string& name) {
  return database.RunFree("DELETE FROM image_names WHERE name = ?", name);
}

absl::Status DeleteImage(Database& database, const std::string& id) {
  return database.RunFree("DELETE FROM images WHERE id = ?", id);
}

}  // namespace crisp
