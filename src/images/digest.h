// Digests: "sha256:<64 hex>" and "sha512:<128 hex>", the names of everything that comes from a registry (OCI image
// specification 1.1, descriptor.md, "Digests"). Other algorithms, upper-case hex and other lengths are refused, so that
// each content has one name.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

struct evp_md_ctx_st;

namespace crisp {

// True for a digest as above.
bool IsDigest(absl::string_view text);

// InvalidArgument, saying what is wrong, if `text` is not a digest.
absl::Status CheckDigest(absl::string_view text);

// Hashes bytes that arrive in pieces. Thread-compatible.
class DigestHasher {
 public:
  // Uses the algorithm of `like`, a digest or the name of an algorithm: sha512, else sha256.
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

// The digest of `bytes`, with the algorithm of `like` as in DigestHasher.
std::string DigestOf(absl::string_view bytes, absl::string_view like = "sha256");

// Internal "digest mismatch: …" unless `digest` is the digest of `bytes`.
absl::Status VerifyDigest(absl::string_view bytes, absl::string_view digest);

}  // namespace crisp
