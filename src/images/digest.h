// Digests: "sha256:<64 hex>" and "sha512:<128 hex>", the names of everything that comes from a registry (OCI image
// specification 1.1, descriptor.md, "Digests"). Other algorithms, upper-case hex and other lengths are refused, so that
// one content has one name.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

struct evp_md_ctx_st;

namespace crisp {

// True for a digest as above.
bool IsDigest(absl::string_view text);

// InvalidArgument saying what is wrong with `text`, if it is no digest.
absl::Status CheckDigest(absl::string_view text);

// Hashes as the bytes come. Not thread-safe.
class DigestHasher {
 public:
  // With the algorithm of `like`, a digest or the name of an algorithm. Anything but sha512 is sha256.
  explicit DigestHasher(absl::string_view like = "sha256");
  ~DigestHasher();
  DigestHasher(const DigestHasher&) = delete;
  DigestHasher& operator=(const DigestHasher&) = delete;

  void Update(absl::string_view bytes);
  // The digest of all bytes so far. Call once, last.
  std::string Finish();

 private:
  std::string algorithm_;
  evp_md_ctx_st* context_;
};

// The digest of `bytes`, with the algorithm of `like` as above.
std::string DigestOf(absl::string_view bytes, absl::string_view like = "sha256");

// Internal "digest mismatch: …" unless `bytes` are what `digest` names.
absl::Status VerifyDigest(absl::string_view bytes, absl::string_view digest);

}  // namespace crisp
