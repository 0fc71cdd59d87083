#include "images/layer_record.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "images/file_metadata.h"
#include "os/errno_status.h"
#include "os/file.h"
#include "store/database.h"

namespace crisp {
namespace {

constexpr char kLayerXattr[] = "trusted.crisp.layer";
constexpr char kRootfsXattr[] = "trusted.crisp.rootfs";
constexpr absl::string_view kVersion = "1";

std::optional<LayerRow> ParseLayerRecord(absl::string_view text, const std::string& name) {
  const std::vector<absl::string_view> fields = absl::StrSplit(text, ' ');
  LayerRow row;
  row.name = name;
  if (fields.size() != 6 || fields[0] != kVersion || !IsDigest(fields[1]) || !IsDigest(fields[2]) ||
      !absl::SimpleAtoi(fields[3], &row.compressed_size) || !absl::SimpleAtoi(fields[4], &row.bytes) ||
      !absl::SimpleAtoi(fields[5], &row.inodes)) {
    return std::nullopt;
  }
  row.chain_id = std::string(fields[1]);
  row.diff_id = std::string(fields[2]);
  return row;
}

// The images that need a layer whose directory is gone can never run; with their rows away a pull brings them back.
absl::Status ForgetLayer(Database* database, const LayerRow& row) {
  LogWarning("layer directory is gone, forgetting the images on it", {{"layer", row.name}, {"chain", row.chain_id}});
  ASSIGN_OR_RETURN(Database::Transaction transaction, database->Begin());
  RETURN_IF_ERROR(transaction.Run(
      "DELETE FROM images WHERE id IN (SELECT image_id FROM image_layers WHERE chain_id = ?)", row.chain_id));
  RETURN_IF_ERROR(transaction.Run("DELETE FROM rootfs_layers WHERE chain_id = ?", row.chain_id));
  RETURN_IF_ERROR(transaction.Run("DELETE FROM layers WHERE chain_id = ?", row.chain_id));
  return transaction.Commit();
}

// Lists the layers of before that are whole; the others are removed from disk and from the database.
absl::StatusOr<std::vector<LayerRow>> RecoverDirectories(const Layout& layout, Database* database) {
  std::map<std::string, LayerRow> by_name;
  std::set<std::string> chain_ids;
  ASSIGN_OR_RETURN(std::vector<LayerRow> rows, LoadLayerRows(database));
  for (LayerRow& row : rows) {
    if (!Exists(layout.Layer(row.name))) {
      RETURN_IF_ERROR(ForgetLayer(database, row));
      continue;
    }
    chain_ids.insert(row.chain_id);
    by_name.emplace(row.name, std::move(row));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(layout.Layers()));
  for (const std::string& name : names) {
    if (by_name.contains(name) || !ParseLayerName(name).has_value()) continue;
    ASSIGN_OR_RETURN(const std::optional<LayerRow> row, ReadLayerRecord(layout.Layer(name), name));
    if (row.has_value() && chain_ids.insert(row->chain_id).second) {
      LogWarning("taking in a layer that the database does not know", {{"layer", name}, {"chain", row->chain_id}});
      RETURN_IF_ERROR(InsertLayerRow(database, *row));
      by_name.emplace(name, *row);
    } else {
      RETURN_IF_ERROR(RemoveTree(layout.Layer(name)));
    }
  }
  rows.clear();
  for (auto& [name, row] : by_name) rows.push_back(std::move(row));
  return rows;
}

absl::Status RecoverRootfs(const Layout& layout, Database* database, const std::string& id,
                           const std::map<std::string, std::string>& chain_of) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ReadRootfsRecord(layout.Container(id)));
  ASSIGN_OR_RETURN(Database::Transaction transaction, database->Begin());
  for (size_t i = 0; i < names.size(); ++i) {
    const auto chain = chain_of.find(names[i]);
    if (chain == chain_of.end()) continue;
    RETURN_IF_ERROR(transaction.Run("INSERT INTO rootfs_layers (container_id, position, chain_id) VALUES (?, ?, ?)", id,
                                    static_cast<int64_t>(i), chain->second));
  }
  return transaction.Commit();
}

// What containers stand on: in the database, or, if it was lost, on their directories.
absl::Status RecoverContainers(const Layout& layout, Database* database, const std::vector<LayerRow>& layers) {
  std::map<std::string, std::string> chain_of;
  for (const LayerRow& row : layers) chain_of.emplace(row.name, row.chain_id);
  std::set<std::string> known;
  RETURN_IF_ERROR(database->Query("SELECT DISTINCT container_id FROM rootfs_layers",
                                  [&](const Row& row) { known.insert(row.Text(0)); }));
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, ListDir(layout.Containers()));
  for (const std::string& id : ids) {
    if (known.erase(id) == 0) RETURN_IF_ERROR(RecoverRootfs(layout, database, id, chain_of), "container ", id);
  }
  for (const std::string& id : known) {  // without a directory: broken off between the record and the mount
    RETURN_IF_ERROR(database->Run("DELETE FROM rootfs_layers WHERE container_id = ?", id));
  }
  return absl::OkStatus();
}

}  // namespace

std::string LayerName(uint64_t number) {
  std::string name;
  do {
    name.insert(name.begin(), "0123456789abcdefghijklmnopqrstuvwxyz"[number % 36]);
    number /= 36;
  } while (number > 0);
  return name;
}

std::optional<uint64_t> ParseLayerName(absl::string_view name) {
  if (name.empty() || name.size() > 12) return std::nullopt;
  uint64_t number = 0;
  for (const char c : name) {
    if (c >= '0' && c <= '9') {
      number = number * 36 + static_cast<uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'z') {
      number = number * 36 + static_cast<uint64_t>(c - 'a') + 10;
    } else {
      return std::nullopt;
    }
  }
  return number;
}

absl::Status WriteLayerRecord(int directory, const LayerRow& row) {
  return SetXattr(
      directory, kLayerXattr,
      absl::StrJoin(std::make_tuple(kVersion, row.chain_id, row.diff_id, row.compressed_size, row.bytes, row.inodes),
                    " "),
      row.name);
}

absl::StatusOr<std::optional<LayerRow>> ReadLayerRecord(const std::string& path, const std::string& name) {
  ASSIGN_OR_RETURN(const Fd fd, OpenAt(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  ASSIGN_OR_RETURN(const std::string text, GetXattr(fd.get(), kLayerXattr, path));
  return ParseLayerRecord(text, name);
}

absl::Status WriteRootfsRecord(const std::string& path, const std::vector<std::string>& layer_names) {
  ASSIGN_OR_RETURN(const Fd fd, OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return SetXattr(fd.get(), kRootfsXattr, absl::StrJoin(layer_names, ":"), path);
}

absl::StatusOr<std::vector<std::string>> ReadRootfsRecord(const std::string& path) {
  ASSIGN_OR_RETURN(const Fd fd, OpenAt(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  ASSIGN_OR_RETURN(const std::string text, GetXattr(fd.get(), kRootfsXattr, path));
  return absl::StrSplit(text, ':', absl::SkipEmpty());
}

absl::Status RemoveRootfsRecord(const std::string& path) {
  if (lremovexattr(path.c_str(), kRootfsXattr) == 0 || errno == ENODATA || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("remove the record on ", path));
}

absl::Status RecoverLayers(const Layout& layout, Database* database) {
  RETURN_IF_ERROR(MakeDirs(layout.root(), 0711));
  for (const std::string& path : {layout.Layers(), layout.Ingests(), layout.Containers()}) {
    // One that is more open lets everybody run an image's setuid programs.
    RETURN_IF_ERROR(MakeDirsWithMode(path, 0700));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> left_over, ListDir(layout.Ingests()));
  for (const std::string& name : left_over) RETURN_IF_ERROR(RemoveTree(layout.Ingest(name)));
  ASSIGN_OR_RETURN(const std::vector<LayerRow> layers, RecoverDirectories(layout, database));
  return RecoverContainers(layout, database, layers);
}

absl::StatusOr<std::vector<LayerRow>> LoadLayerRows(Database* database) {
  std::vector<LayerRow> rows;
  RETURN_IF_ERROR(database->Query(
      "SELECT chain_id, name, diff_id, compressed_size, bytes, inodes FROM layers", [&](const Row& row) {
        rows.push_back({row.Text(0), row.Text(1), row.Text(2), static_cast<uint64_t>(row.Int(3)),
                        static_cast<uint64_t>(row.Int(4)), static_cast<uint64_t>(row.Int(5))});
      }));
  return rows;
}

absl::Status InsertLayerRow(Database* database, const LayerRow& row) {
  return database->Run(
      "INSERT INTO layers (chain_id, name, diff_id, compressed_size, bytes, inodes) VALUES (?, ?, ?, ?, ?, ?)",
      row.chain_id, row.name, row.diff_id, static_cast<int64_t>(row.compressed_size), static_cast<int64_t>(row.bytes),
      static_cast<int64_t>(row.inodes));
}

}  // namespace crisp
