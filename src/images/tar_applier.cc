#include "images/tar_applier.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "images/layer_entries.h"
#include "images/layer_limits.h"
#include "os/errno_status.h"

namespace crisp {
namespace {

using Dir = LayerDirs::Dir;

constexpr absl::string_view kAufsPrefix = ".wh..wh.";

// Smaller files are written by the sync at the end: starting a write for each would cost more than it saves.
constexpr uint64_t kEarlyWriteBackBytes = 1 << 20;

absl::StatusOr<uint32_t> IdOf(int64_t id, absl::string_view what) {
  if (id < 0 || id >= int64_t{UINT32_MAX}) return absl::DataLossError(absl::StrCat("its ", what, " is ", id));
  return static_cast<uint32_t>(id);
}

absl::StatusOr<FileMetadata> MetadataOf(archive_entry* entry) {
  FileMetadata metadata;
  metadata.mode = archive_entry_perm(entry) & 07777;
  ASSIGN_OR_RETURN(metadata.uid, IdOf(archive_entry_uid(entry), "owner"));
  ASSIGN_OR_RETURN(metadata.gid, IdOf(archive_entry_gid(entry), "group"));
  metadata.mtime = {archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  archive_entry_xattr_reset(entry);
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    if (IsReservedXattr(name)) continue;
    if (const size_t length = strlen(name); length > kMostXattrNameBytes || size > kMostXattrBytes) {
      return absl::DataLossError(absl::StrCat("an extended attribute has a name of ", length, " bytes and a value of ",
                                              size, "; Linux takes ", kMostXattrNameBytes, " and ", kMostXattrBytes));
    }
    metadata.xattrs.emplace_back(name, std::string(static_cast<const char*>(value), size));
  }
  return metadata;
}

dev_t DeviceOf(archive_entry* entry) {
  return makedev(static_cast<unsigned>(archive_entry_rdevmajor(entry)),
                 static_cast<unsigned>(archive_entry_rdevminor(entry)));
}

bool IsAufsBookkeeping(const TarPath& path) {
  const auto end = path.back() == kOpaqueName ? path.end() - 1 : path.end();
  return std::any_of(path.begin(), end, [](const std::string& name) { return absl::StartsWith(name, kAufsPrefix); });
}

// overlayfs takes a character device 0:0 for a whiteout, so in a layer it is one.
bool IsWhiteoutEntry(archive_entry* entry, absl::string_view name) {
  if (absl::StartsWith(name, kWhiteoutPrefix)) return true;
  return archive_entry_filetype(entry) == S_IFCHR && archive_entry_hardlink(entry) == nullptr && DeviceOf(entry) == 0;
}

absl::Status WriteAt(int fd, absl::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "write");
    bytes.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return absl::OkStatus();
}

class Applier {
 public:
  Applier(TarReader* tar, LayerDirs* dirs, const CallContext* call)
      : tar_(tar), dirs_(dirs), entries_(dirs), call_(call) {}

  absl::Status ApplyAll() {
    while (true) {
      RETURN_IF_ERROR(call_->Check());
      ASSIGN_OR_RETURN(archive_entry* const entry, tar_->NextEntry());
      if (entry == nullptr) return absl::OkStatus();
      const char* name = archive_entry_pathname(entry);
      if (name == nullptr) return absl::DataLossError("an entry of the tar has no name");
      RETURN_IF_ERROR(Apply(entry, name), "entry ", name);
      if (entries_.inodes() + dirs_->made() > kMostInodes) {
        return absl::ResourceExhaustedError(absl::StrCat("has more than ", kMostInodes, " files"));
      }
    }
  }

  LayerTotals Totals() const {
    const uint64_t directories = dirs_->made() + 1;
    return {entries_.bytes() + directories * 4096, entries_.inodes() + directories + dirs_->whiteouts(),
            !dirs_->used_below()};
  }

 private:
  absl::Status Apply(archive_entry* entry, const char* raw_name) {
    ASSIGN_OR_RETURN(const TarPath path, ParseTarPath(raw_name));
    ASSIGN_OR_RETURN(FileMetadata metadata, MetadataOf(entry));
    if (path.empty()) return ApplyRoot(entry, std::move(metadata));
    if (IsAufsBookkeeping(path)) return SkipData();
    if (IsWhiteoutEntry(entry, path.back())) {
      RETURN_IF_ERROR(ApplyWhiteout(path));
      return SkipData();
    }

    ASSIGN_OR_RETURN(Dir* const parent, dirs_->ResolveParent(path));
    const std::string& name = path.back();
    if (archive_entry_filetype(entry) == S_IFREG && archive_entry_hardlink(entry) == nullptr) {
      return MakeFile(entry, parent, name, metadata);
    }
    RETURN_IF_ERROR(ApplyWithoutData(entry, parent, name, std::move(metadata)));
    return SkipData();
  }

  absl::Status ApplyRoot(archive_entry* entry, FileMetadata metadata) {
    if (archive_entry_filetype(entry) != S_IFDIR || archive_entry_hardlink(entry) != nullptr) return SkipData();
    return dirs_->CarryRoot(std::move(metadata));
  }

  absl::Status ApplyWhiteout(const TarPath& path) {
    absl::string_view name = path.back();
    const bool opaque = name == kOpaqueName;
    absl::ConsumePrefix(&name, kWhiteoutPrefix);
    if (name.empty() || name == "." || name == "..") return absl::DataLossError("is a whiteout of no name");
    ASSIGN_OR_RETURN(Dir* const parent, dirs_->FindParent(path));
    if (parent == nullptr) return absl::OkStatus();
    return opaque ? dirs_->MakeOpaque(parent) : dirs_->WhiteOut(parent, std::string(name));
  }

  absl::Status ApplyWithoutData(archive_entry* entry, Dir* parent, const std::string& name, FileMetadata metadata) {
    if (const char* target = archive_entry_hardlink(entry)) {
      ASSIGN_OR_RETURN(const TarPath path, ParseTarPath(target), "hard link's target");
      return entries_.MakeLink(parent, name, path);
    }
    const mode_t type = archive_entry_filetype(entry);
    switch (type) {
      case S_IFDIR:
        return dirs_->Carry(parent, name, std::move(metadata));
      case S_IFLNK: {
        const char* target = archive_entry_symlink(entry);
        return entries_.MakeSymlink(parent, name, target == nullptr ? "" : target, metadata);
      }
      case S_IFCHR:
      case S_IFBLK:
      case S_IFIFO:
        return entries_.MakeSpecial(parent, name, type, DeviceOf(entry), metadata);
      default:
        return absl::DataLossError(absl::StrCat("has a type that is not allowed in a layer: ", type));
    }
  }

  absl::Status MakeFile(archive_entry* entry, Dir* parent, const std::string& name, const FileMetadata& metadata) {
    const int64_t size = archive_entry_size(entry);
    if (size < 0 || static_cast<uint64_t>(size) > kMostFileBytes) {
      return absl::ResourceExhaustedError(absl::StrCat("is ", size, " bytes large"));
    }
    ASSIGN_OR_RETURN(const Fd file, entries_.MakeFile(parent, name));
    RETURN_IF_ERROR(WriteData(file.get(), static_cast<uint64_t>(size)));
    return ApplyMetadata(file.get(), metadata, name);
  }

  absl::Status WriteData(int file, uint64_t size) {
    uint64_t end = 0, written = 0;
    while (true) {
      ASSIGN_OR_RETURN(const TarReader::Data data, tar_->NextData());
      if (data.end) break;
      if (data.offset > size || data.bytes.size() > size - data.offset) {
        return absl::DataLossError("has data beyond its size");
      }
      RETURN_IF_ERROR(WriteAt(file, data.bytes, data.offset));
      written += data.bytes.size();
      end = std::max<uint64_t>(end, data.offset + data.bytes.size());
      RETURN_IF_ERROR(call_->Check());
    }
    if (end != size && ftruncate(file, static_cast<off_t>(size)) != 0) return ErrnoStatus(errno, "set size");
    // Only a hint: the sync at the end does the rest and reports errors.
    if (written >= kEarlyWriteBackBytes) sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE);
    entries_.CountBytes(written);
    return absl::OkStatus();
  }

  // Entries such as hard links and whiteouts may have data too. libarchive would skip it in one step, which would count
  // against the limit on headers.
  absl::Status SkipData() {
    while (true) {
      ASSIGN_OR_RETURN(const TarReader::Data data, tar_->NextData());
      if (data.end) return absl::OkStatus();
      RETURN_IF_ERROR(call_->Check());
    }
  }

  TarReader* tar_;
  LayerDirs* dirs_;
  LayerEntries entries_;
  const CallContext* call_;
};

}  // namespace

absl::StatusOr<LayerTotals> ApplyTar(TarReader::Input input, Fd root, LayerDirs::Below below, const CallContext& call) {
  const CLocale locale;
  TarReader tar(std::move(input));
  RETURN_IF_ERROR(tar.Open());
  LayerDirs dirs(std::move(root), std::move(below));
  Applier applier(&tar, &dirs, &call);
  RETURN_IF_ERROR(applier.ApplyAll());
  RETURN_IF_ERROR(dirs.Finish());
  if (dirs.root_carried()) {
    ASSIGN_OR_RETURN(const int fd, dirs.Open(dirs.root()));
    RETURN_IF_ERROR(SetXattr(fd, std::string(kRootCarriedXattr), "y", "the layer's root"));
  }
  return applier.Totals();
}

}  // namespace crisp
