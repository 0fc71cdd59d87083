#include "images/oci_layout.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/json_reader.h"
#include "base/status_macros.h"
#include "images/digest.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kReadSize = 256 << 10;
constexpr size_t kMarkerLimit = 4096;

// Safe as a path: CheckDigest has found one colon and otherwise only letters and digits.
std::string BlobPath(const std::string& digest) {
  return absl::StrCat("blobs/", absl::StrReplaceAll(digest, {{":", "/"}}));
}

absl::Status CheckSize(uint64_t actual, uint64_t wanted, const std::string& digest) {
  if (actual == wanted) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("blob ", digest, " has ", actual, " bytes, its descriptor says ", wanted));
}

// The standard annotation often has only the tag. containerd and Docker add another annotation with the whole name.
absl::StatusOr<std::string> NameOf(const JsonReader& entry) {
  ASSIGN_OR_RETURN(const std::optional<JsonReader> annotations, entry.Object("annotations"));
  if (!annotations.has_value()) return std::string();
  ASSIGN_OR_RETURN(std::string name, annotations->String("io.containerd.image.name"));
  if (!name.empty()) return name;
  return annotations->String("org.opencontainers.image.ref.name");
}

}  // namespace

absl::Status CheckWholeName(absl::string_view name) {
  if (name.empty()) {
    return absl::InvalidArgumentError("an image has no name: set the annotation io.containerd.image.name");
  }
  if (name.find_first_of("/:@") != absl::string_view::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the name \"", absl::CHexEscape(name.substr(0, 100)),
                                                 "\" is only a tag: set the annotation io.containerd.image.name to the "
                                                 "whole name, such as docker.io/library/busybox:1.36"));
}

absl::StatusOr<std::unique_ptr<OciLayout>> OciLayout::Open(const std::string& directory) {
  ASSIGN_OR_RETURN(Fd root, OpenAt(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  auto layout = std::unique_ptr<OciLayout>(new OciLayout(directory, std::move(root)));
  RETURN_IF_ERROR(layout->CheckMarker(), "OCI layout ", directory);
  RETURN_IF_ERROR(layout->ReadIndex(), "OCI layout ", directory);
  return layout;
}

absl::StatusOr<std::string> OciLayout::ReadFile(const std::string& path, size_t limit) const {
  // O_NONBLOCK: opening a FIFO would wait for a writer. read(2) refuses a directory.
  ASSIGN_OR_RETURN(Fd file, OpenInRoot(root_.get(), path, O_RDONLY | O_NONBLOCK));
  return ReadFd(file.get(), limit, path);
}

absl::Status OciLayout::CheckMarker() const {
  ASSIGN_OR_RETURN(const std::string text, ReadFile("oci-layout", kMarkerLimit));
  ASSIGN_OR_RETURN(const JsonDocument marker, JsonDocument::Parse(text), "oci-layout");
  ASSIGN_OR_RETURN(const std::string version, marker.root().String("imageLayoutVersion"), "oci-layout");
  if (version == "1.0.0") return absl::OkStatus();
  return absl::InternalError("oci-layout: \"imageLayoutVersion\" is not 1.0.0");
}

absl::Status OciLayout::ReadIndex() {
  ASSIGN_OR_RETURN(const std::string text, ReadFile("index.json", kManifestBytesLimit));
  ASSIGN_OR_RETURN(const auto parsed, ParseManifest(text, "application/vnd.oci.image.index.v1+json"), "index.json");
  ASSIGN_OR_RETURN(const JsonDocument document, JsonDocument::Parse(text), "index.json");
  ASSIGN_OR_RETURN(const std::vector<JsonReader> manifests, document.root().Objects("manifests"), "index.json");
  const Index& index = std::get<Index>(parsed);
  if (!index.first_fault.empty()) return absl::InternalError(absl::StrCat("index.json: ", index.first_fault));
  for (const IndexEntry& manifest : index.manifests) {
    Entry entry;
    ASSIGN_OR_RETURN(entry.name, NameOf(manifests[manifest.position]), "index.json");
    entry.descriptor = manifest.descriptor;
    entries_.push_back(std::move(entry));
  }
  return absl::OkStatus();
}

absl::StatusOr<RawManifest> OciLayout::FetchManifest(const Descriptor& descriptor, const CallContext& call) {
  if (descriptor.size > kManifestBytesLimit) {
    return absl::InternalError(absl::StrCat("manifest ", descriptor.digest, " is too large"));
  }
  ASSIGN_OR_RETURN(std::string body, FetchBlob(descriptor, call));
  return RawManifest{std::move(body), descriptor.media_type, descriptor.digest};
}

absl::StatusOr<std::string> OciLayout::FetchBlob(const Descriptor& descriptor, const CallContext& call) {
  RETURN_IF_ERROR(call.Check());
  RETURN_IF_ERROR(CheckDigest(descriptor.digest));
  ASSIGN_OR_RETURN(std::string blob, ReadFile(BlobPath(descriptor.digest), static_cast<size_t>(descriptor.size)),
                   "OCI layout ", directory_);
  RETURN_IF_ERROR(CheckSize(blob.size(), descriptor.size, descriptor.digest), "OCI layout ", directory_);
  RETURN_IF_ERROR(VerifyDigest(blob, descriptor.digest), "OCI layout ", directory_);
  return blob;
}

absl::Status OciLayout::Fetch(const LayerDescriptor& layer, const Sink& sink, const CallContext& call) {
  RETURN_IF_ERROR(CheckDigest(layer.digest));
  const std::string path = BlobPath(layer.digest);
  ASSIGN_OR_RETURN(const Fd file, OpenInRoot(root_.get(), path, O_RDONLY | O_NONBLOCK), "OCI layout ", directory_);
  std::string buffer(kReadSize, '\0');
  uint64_t received = 0;
  for (;;) {
    RETURN_IF_ERROR(call.Check());
    const ssize_t count = TEMP_FAILURE_RETRY(read(file.get(), buffer.data(), buffer.size()));
    if (count < 0) return ErrnoStatus(errno, absl::StrCat("read ", directory_, "/", path));
    if (count == 0) break;
    received += static_cast<uint64_t>(count);
    if (received > layer.size) break;
    RETURN_IF_ERROR(sink(absl::string_view(buffer.data(), static_cast<size_t>(count))));
  }
  return Annotate(CheckSize(received, layer.size, layer.digest), absl::StrCat("OCI layout ", directory_));
}

}  // namespace crisp
