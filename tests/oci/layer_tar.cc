#include "tests/oci/layer_tar.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

struct ArchiveDeleter {
  void operator()(archive* a) const { archive_write_free(a); }
};
using ArchivePtr = std::unique_ptr<archive, ArchiveDeleter>;

struct EntryDeleter {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};
using EntryPtr = std::unique_ptr<archive_entry, EntryDeleter>;

absl::Status ArchiveStatus(archive* a, int result, absl::string_view what) {
  if (result == ARCHIVE_OK) return absl::OkStatus();
  const char* text = archive_error_string(a);
  return absl::InternalError(absl::StrCat(what, ": ", text != nullptr ? text : "libarchive failed without a text"));
}

la_ssize_t AppendTo(archive*, void* out, const void* data, size_t size) {
  static_cast<std::string*>(out)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

absl::Status OpenInto(archive* a, std::string* out) {
  // libarchive pads the last block to its block size unless told that the output is a stream of bytes.
  RETURN_IF_ERROR(ArchiveStatus(a, archive_write_set_bytes_in_last_block(a, 1), "set padding"));
  return ArchiveStatus(a, archive_write_open(a, out, nullptr, AppendTo, nullptr), "open archive");
}

absl::Status WriteContent(archive* a, const std::string& content, absl::string_view what) {
  size_t written = 0;
  while (written < content.size()) {
    const la_ssize_t n = archive_write_data(a, content.data() + written, content.size() - written);
    if (n <= 0) return ArchiveStatus(a, ARCHIVE_FATAL, what);
    written += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

unsigned FileType(EntryType type) {
  switch (type) {
    case EntryType::kDirectory:
      return AE_IFDIR;
    case EntryType::kSymlink:
      return AE_IFLNK;
    case EntryType::kCharDevice:
      return AE_IFCHR;
    case EntryType::kBlockDevice:
      return AE_IFBLK;
    case EntryType::kFifo:
      return AE_IFIFO;
    case EntryType::kFile:
    case EntryType::kHardlink:
      return AE_IFREG;
  }
  return AE_IFREG;
}

EntryPtr ToArchiveEntry(const LayerEntry& from) {
  EntryPtr entry(archive_entry_new());
  archive_entry_set_pathname(entry.get(), from.path.c_str());
  archive_entry_set_filetype(entry.get(), FileType(from.type));
  archive_entry_set_perm(entry.get(), from.mode);
  archive_entry_set_uid(entry.get(), from.uid);
  archive_entry_set_gid(entry.get(), from.gid);
  archive_entry_set_mtime(entry.get(), 0, 0);
  if (from.type == EntryType::kFile) archive_entry_set_size(entry.get(), static_cast<la_int64_t>(from.content.size()));
  if (from.type == EntryType::kSymlink) archive_entry_set_symlink(entry.get(), from.target.c_str());
  if (from.type == EntryType::kHardlink) archive_entry_set_hardlink(entry.get(), from.target.c_str());
  if (from.type == EntryType::kCharDevice || from.type == EntryType::kBlockDevice) {
    archive_entry_set_rdevmajor(entry.get(), from.major);
    archive_entry_set_rdevminor(entry.get(), from.minor);
  }
  for (const auto& [name, value] : from.xattrs) {
    archive_entry_xattr_add_entry(entry.get(), name.c_str(), value.data(), value.size());
  }
  for (const auto& [offset, bytes] : from.data) archive_entry_sparse_add_entry(entry.get(), offset, bytes);
  return entry;
}

LayerEntry MakeEntry(EntryType type, std::string path, mode_t mode) {
  LayerEntry entry;
  entry.type = type;
  entry.path = std::move(path);
  entry.mode = mode;
  return entry;
}

}  // namespace

LayerEntry FileEntry(std::string path, std::string content, mode_t mode) {
  LayerEntry entry = MakeEntry(EntryType::kFile, std::move(path), mode);
  entry.content = std::move(content);
  return entry;
}

LayerEntry DirectoryEntry(std::string path, mode_t mode) {
  return MakeEntry(EntryType::kDirectory, std::move(path), mode);
}

LayerEntry SymlinkEntry(std::string path, std::string target) {
  LayerEntry entry = MakeEntry(EntryType::kSymlink, std::move(path), 0777);
  entry.target = std::move(target);
  return entry;
}

LayerEntry HardlinkEntry(std::string path, std::string target) {
  LayerEntry entry = MakeEntry(EntryType::kHardlink, std::move(path), 0644);
  entry.target = std::move(target);
  return entry;
}

LayerEntry CharDeviceEntry(std::string path, unsigned major, unsigned minor, mode_t mode) {
  LayerEntry entry = MakeEntry(EntryType::kCharDevice, std::move(path), mode);
  entry.major = major;
  entry.minor = minor;
  return entry;
}

LayerEntry FifoEntry(std::string path, mode_t mode) {
  return MakeEntry(EntryType::kFifo, std::move(path), mode);
}

LayerEntry WhiteoutEntry(const std::string& path) {
  const size_t slash = path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  return FileEntry(absl::StrCat(path.substr(0, name), ".wh.", path.substr(name)), "");
}

LayerEntry OpaqueEntry(const std::string& directory) {
  return FileEntry(absl::StrCat(directory, "/.wh..wh..opq"), "");
}

absl::StatusOr<std::string> MakeLayerTar(const std::vector<LayerEntry>& entries) {
  std::string tar;
  ArchivePtr a(archive_write_new());
  // "Restricted" writes extended headers only where an entry needs them, as image builders do.
  RETURN_IF_ERROR(ArchiveStatus(a.get(), archive_write_set_format_pax_restricted(a.get()), "choose pax"));
  // By default libarchive writes every attribute a second time, in a record of its own that only it reads.
  RETURN_IF_ERROR(ArchiveStatus(a.get(), archive_write_set_format_option(a.get(), nullptr, "xattrheader", "SCHILY"),
                                "choose the records of attributes"));
  RETURN_IF_ERROR(OpenInto(a.get(), &tar));
  for (const LayerEntry& entry : entries) {
    const EntryPtr header = ToArchiveEntry(entry);
    RETURN_IF_ERROR(ArchiveStatus(a.get(), archive_write_header(a.get(), header.get()), entry.path));
    RETURN_IF_ERROR(WriteContent(a.get(), entry.content, entry.path));
  }
  RETURN_IF_ERROR(ArchiveStatus(a.get(), archive_write_close(a.get()), "finish tar"));
  return tar;
}

absl::StatusOr<std::string> Compress(const std::string& data, Compression compression) {
  if (compression == Compression::kNone) return data;
  std::string packed;
  ArchivePtr a(archive_write_new());
  const int added = compression == Compression::kGzip ? archive_write_add_filter_gzip(a.get())
                                                      : archive_write_add_filter_zstd(a.get());
  RETURN_IF_ERROR(ArchiveStatus(a.get(), added, "choose compression"));
  if (compression == Compression::kGzip) {
    // Without this the header carries the time of the day, and every run another digest.
    RETURN_IF_ERROR(ArchiveStatus(a.get(), archive_write_set_filter_option(a.get(), "gzip", "timestamp", nullptr),
                                  "leave out the time"));
  }
  // The "raw" format is one entry's bytes and nothing else: the filter alone.
  RETURN_IF_ERROR(ArchiveStatus(a.get(), archive_write_set_format_raw(a.get()), "choose raw"));
  RETURN_IF_ERROR(OpenInto(a.get(), &packed));
  const EntryPtr header = ToArchiveEntry(FileEntry("data", data));
  RETURN_IF_ERROR(ArchiveStatus(a.get(), archive_write_header(a.get(), header.get()), "start data"));
  RETURN_IF_ERROR(WriteContent(a.get(), data, "compress"));
  RETURN_IF_ERROR(ArchiveStatus(a.get(), archive_write_close(a.get()), "finish data"));
  return packed;
}

}  // namespace crisp
