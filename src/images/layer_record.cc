#include "images/layer_record.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "images/file_metadata.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr char kLayerXattr[] = "trusted.crisp.layer";
constexpr char kRootfsXattr[] = "trusted.crisp.rootfs";
constexpr absl::string_view kVersion = "1";

std::optional<LayerRow> ParseLayerRecord(absl::string_view text, const std::string& name) {
  const std::vector<absl::string_view> fields = absl::StrSplit(text, ' ');
  LayerRow row;
  row.name = name;
  if (fields.size() != 6 || fields[0] != kVersion || !IsLayerId(fields[1]) || !IsDigest(fields[2]) ||
      !absl::SimpleAtoi(fields[3], &row.compressed_size) || !absl::SimpleAtoi(fields[4], &row.bytes) ||
      !absl::SimpleAtoi(fields[5], &row.inodes)) {
    return std::nullopt;
  }
  row.chain_id = std::string(fields[1]);
  row.diff_id = std::string(fields[2]);
  return row;
}

}  // namespace

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

absl::Status RemoveLayerRecord(const std::string& path) {
  if (lremovexattr(path.c_str(), kLayerXattr) == 0 || errno == ENODATA || errno == ENOENT) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("remove the record on ", path));
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

}  // namespace crisp
