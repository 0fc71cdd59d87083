#include "images/image_spool.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/json.h"
#include "base/json_reader.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "images/layer_limits.h"
#include "images/manifest.h"
#include "images/tar_reader.h"
#include "os/errno_status.h"
#include "os/fd.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kMostFiles = 10000;
constexpr size_t kSpoolReadBytes = 256 << 10;
constexpr int kMostLinks = 8;  // from one to the next
constexpr char kLayoutFile[] = "oci-layout";
constexpr char kLayoutIndex[] = "index.json";
constexpr char kDockerTable[] = "manifest.json";

// "a/b" for "./a//b"; empty for what leads out of the archive, or is its root.
std::string CleanPath(absl::string_view path, absl::string_view below = "") {
  std::vector<absl::string_view> parts = absl::StrSplit(below, '/', absl::SkipEmpty());
  for (const absl::string_view part : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return "";
    } else {
      parts.pop_back();
    }
  }
  return absl::StrJoin(parts, "/");
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

// Writes the files of the stream below a directory.
class Unpacker {
 public:
  Unpacker(const ArchiveInput* input, std::string directory, const CallContext* call)
      : input_(input), directory_(std::move(directory)), call_(call) {}

  absl::Status Run() {
    archive_.reset(archive_read_new());
    if (archive_ == nullptr) return absl::ResourceExhaustedError("no memory to read an archive");
    archive_read_support_filter_gzip(archive_.get());
    archive_read_support_filter_zstd(archive_.get());
    archive_read_support_format_tar(archive_.get());
    if (archive_read_open(archive_.get(), this, nullptr, &Unpacker::Read, nullptr) != ARCHIVE_OK) return Error();
    archive_entry* entry = nullptr;
    for (;;) {
      RETURN_IF_ERROR(call_->Check());
      const int result = archive_read_next_header(archive_.get(), &entry);
      if (result == ARCHIVE_EOF) return absl::OkStatus();
      if (result < ARCHIVE_WARN) return Error();
      RETURN_IF_ERROR(Take(entry));
    }
  }

  // By path: where symbolic and hard links of the archive lead.
  const std::map<std::string, std::string>& links() const { return links_; }

 private:
  struct Free {
    void operator()(archive* reader) const { archive_read_free(reader); }
  };

  absl::Status Take(archive_entry* entry) {
    const char* name = archive_entry_pathname(entry);
    const std::string path = CleanPath(name != nullptr ? name : "");
    if (path.empty()) return absl::OkStatus();
    if (++files_ > kMostFiles) {
      return absl::InvalidArgumentError(absl::StrCat("the archive has more than ", kMostFiles, " entries"));
    }
    if (const char* target = archive_entry_hardlink(entry)) {
      links_[path] = CleanPath(target);
    } else if (archive_entry_filetype(entry) == AE_IFLNK) {
      const char* symlink = archive_entry_symlink(entry);
      links_[path] = CleanPath(symlink != nullptr ? symlink : "", DirectoryOf(path));
    } else if (archive_entry_filetype(entry) == AE_IFREG) {
      return WriteFile(path);
    }
    return absl::OkStatus();
  }

  // No link is made, so none is met on the way.
  absl::Status WriteFile(const std::string& path) {
    const std::string whole = absl::StrCat(directory_, "/", path);
    RETURN_IF_ERROR(MakeDirs(DirectoryOf(whole), 0700));
    ASSIGN_OR_RETURN(const Fd file, OpenAt(AT_FDCWD, whole, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
    for (;;) {
      RETURN_IF_ERROR(call_->Check());
      const void* bytes = nullptr;
      size_t size = 0;
      la_int64_t offset = 0;
      const int result = archive_read_data_block(archive_.get(), &bytes, &size, &offset);
      if (result == ARCHIVE_EOF) return absl::OkStatus();
      if (result < ARCHIVE_WARN) return Error();
      written_ += size;
      if (written_ > kMostTarBytes) {
        return absl::InvalidArgumentError(absl::StrCat("the archive has more than ", kMostTarBytes, " bytes"));
      }
      if (lseek(file.get(), offset, SEEK_SET) < 0) return ErrnoStatus(errno, absl::StrCat("seek in ", whole));
      RETURN_IF_ERROR(WriteAll(file.get(), absl::string_view(static_cast<const char*>(bytes), size), whole));
    }
  }

  static la_ssize_t Read(archive*, void* self, const void** block) {
    auto& unpacker = *static_cast<Unpacker*>(self);
    const absl::StatusOr<absl::string_view> bytes = (*unpacker.input_)();
    if (!bytes.ok()) {
      unpacker.input_error_ = bytes.status();
      return -1;
    }
    *block = bytes->data();
    return static_cast<la_ssize_t>(bytes->size());
  }

  absl::Status Error() const {
    if (!input_error_.ok()) return input_error_;
    const char* text = archive_error_string(archive_.get());
    return absl::InvalidArgumentError(
        absl::StrCat("it is not a whole tar: ", text != nullptr ? text : "libarchive says no more"));
  }

  const ArchiveInput* const input_;
  const std::string directory_;
  const CallContext* const call_;
  const CLocale bytes_as_they_are_;
  std::unique_ptr<archive, Free> archive_;
  std::map<std::string, std::string> links_;
  size_t files_ = 0;
  uint64_t written_ = 0;
  absl::Status input_error_;
};

// Makes an OCI layout of the files of `docker save`.
class DockerLayout {
 public:
  DockerLayout(std::string directory, const std::map<std::string, std::string>* links, const CallContext* call)
      : directory_(std::move(directory)), links_(links), call_(call) {}

  absl::Status Run() {
    ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, Path(kDockerTable), kManifestBytesLimit));
    // The parser wants an object.
    ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(absl::StrCat("{\"images\":", text, "}")),
                     kDockerTable);
    ASSIGN_OR_RETURN(const std::vector<JsonReader> images, document.root().Objects("images"));
    RETURN_IF_ERROR(MakeDirs(Path("blobs/sha256"), 0700));
    for (const JsonReader& image : images) RETURN_IF_ERROR(AddImage(image), "manifest.json: ", image.path());
    RETURN_IF_ERROR(WriteFileAt(AT_FDCWD, Path(kLayoutFile), R"({"imageLayoutVersion":"1.0.0"})", 0600));
    return WriteFileAt(AT_FDCWD, Path(kLayoutIndex), DumpJson({{"schemaVersion", 2}, {"manifests", index_}}), 0600);
  }

 private:
  std::string Path(absl::string_view path) const { return absl::StrCat(directory_, "/", path); }

  absl::Status AddImage(const JsonReader& image) {
    ASSIGN_OR_RETURN(const std::string config, image.String("Config"));
    ASSIGN_OR_RETURN(const std::vector<std::string> layers, image.Strings("Layers"));
    ASSIGN_OR_RETURN(const std::vector<std::string> tags, image.Strings("RepoTags"));
    Json manifest = {{"schemaVersion", 2}, {"mediaType", "application/vnd.oci.image.manifest.v1+json"}};
    ASSIGN_OR_RETURN(manifest["config"], AddBlob(config, "application/vnd.oci.image.config.v1+json"));
    manifest["layers"] = Json::array();
    for (const std::string& layer : layers) {
      ASSIGN_OR_RETURN(Json descriptor, AddBlob(layer, "application/vnd.oci.image.layer.v1.tar"));
      manifest["layers"].push_back(std::move(descriptor));
    }
    const std::string text = DumpJson(manifest);
    const std::string digest = DigestOf(text);
    RETURN_IF_ERROR(WriteFileAt(AT_FDCWD, BlobPath(digest), text, 0600));
    for (const std::string& tag : tags) {
      index_.push_back({{"mediaType", manifest["mediaType"]},
                        {"digest", digest},
                        {"size", text.size()},
                        {"annotations", {{"io.containerd.image.name", tag}}}});
    }
    return absl::OkStatus();
  }

  std::string BlobPath(const std::string& digest) const {
    return Path(absl::StrCat("blobs/sha256/", digest.substr(digest.find(':') + 1)));
  }

  // Hashes the file that `path` of the archive leads to, and gives it its place as a blob.
  absl::StatusOr<Json> AddBlob(const std::string& path, const char* type) {
    std::string found = CleanPath(path);
    for (int i = 0; i < kMostLinks && links_->count(found) != 0; ++i) found = links_->at(found);
    if (found.empty() || !Exists(Path(found))) {
      return absl::InvalidArgumentError(
          absl::StrCat("it names the file \"", path, "\", which the archive does not have"));
    }
    ASSIGN_OR_RETURN(const Fd file, OpenAt(AT_FDCWD, Path(found), O_RDONLY | O_NOFOLLOW));
    DigestHasher hasher;
    uint64_t size = 0;
    std::string buffer(kSpoolReadBytes, '\0');
    for (;;) {
      RETURN_IF_ERROR(call_->Check());
      const ssize_t count = TEMP_FAILURE_RETRY(read(file.get(), buffer.data(), buffer.size()));
      if (count < 0) return ErrnoStatus(errno, absl::StrCat("read ", found));
      if (count == 0) break;
      hasher.Update(absl::string_view(buffer.data(), static_cast<size_t>(count)));
      size += static_cast<uint64_t>(count);
    }
    const std::string digest = hasher.Finish();
    // Several images may name the same file.
    if (link(Path(found).c_str(), BlobPath(digest).c_str()) != 0 && errno != EEXIST) {
      return ErrnoStatus(errno, absl::StrCat("link ", found));
    }
    return Json{{"mediaType", type}, {"digest", digest}, {"size", size}};
  }

  const std::string directory_;
  const std::map<std::string, std::string>* const links_;
  const CallContext* const call_;
  Json index_ = Json::array();
};

}  // namespace

absl::Status SpoolImageArchive(const ArchiveInput& input, const std::string& directory, const CallContext& call) {
  Unpacker unpacker(&input, directory, &call);
  RETURN_IF_ERROR(unpacker.Run(), "image archive");
  if (Exists(absl::StrCat(directory, "/", kLayoutFile)) && Exists(absl::StrCat(directory, "/", kLayoutIndex))) {
    return absl::OkStatus();
  }
  if (!Exists(absl::StrCat(directory, "/", kDockerTable))) {
    return absl::InvalidArgumentError(
        "image archive: it has neither manifest.json, as of docker save, nor index.json and oci-layout, as of an OCI "
        "layout: is it the file system of a container?");
  }
  return Annotate(DockerLayout(directory, &unpacker.links(), &call).Run(), "image archive");
}

}  // namespace crisp
