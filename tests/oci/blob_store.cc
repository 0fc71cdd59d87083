#include "tests/oci/blob_store.h"

#include <fcntl.h>
#include <openssl/evp.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/file.h"

namespace crisp {

std::string BlobDigest(absl::string_view data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), digest, &size, EVP_sha256(), nullptr);
  return absl::StrCat("sha256:",
                      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest), size)));
}

absl::StatusOr<BlobStore> BlobStore::Open(std::string directory) {
  RETURN_IF_ERROR(MakeDirs(absl::StrCat(directory, "/blobs/sha256"), 0755));
  return BlobStore(std::move(directory));
}

absl::StatusOr<BlobDescriptor> BlobStore::Put(const std::string& media_type, absl::string_view data) const {
  BlobDescriptor blob{media_type, BlobDigest(data), data.size()};
  const std::string path = absl::StrCat(directory_, "/blobs/sha256/", blob.digest.substr(sizeof("sha256:") - 1));
  if (!Exists(path)) RETURN_IF_ERROR(WriteFileAt(AT_FDCWD, path, data, 0644), "write blob ", blob.digest);
  return blob;
}

}  // namespace crisp
