// Sha256: a running SHA-256 digest, by OpenSSL, which uses the processor's own instructions.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

class Sha256 {
 public:
  Sha256();

  void Update(absl::string_view bytes);
  // "sha256:<64 hex>" of all so far. Ends it: no Update after.
  std::string Digest();

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// Digest of one string.
std::string Sha256Digest(absl::string_view bytes);

// True for "sha256:" and 64 lower-case hexadecimal digits.
bool IsSha256Digest(absl::string_view text);

}  // namespace crisp
