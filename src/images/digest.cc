#include "images/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

// Hashing fails only if OpenSSL lacks the algorithm or memory is exhausted. The daemon cannot go on in either case.
void MustSucceed(int openssl_result) {
  if (openssl_result != 1) std::abort();
}

size_t HexLength(absl::string_view algorithm) {
  if (algorithm == "sha256") return 64;
  if (algorithm == "sha512") return 128;
  return 0;
}

}  // namespace

absl::Status CheckDigest(absl::string_view text) {
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos) return absl::InvalidArgumentError("a digest is \"sha256:<64 hex digits>\"");
  const absl::string_view algorithm = text.substr(0, colon);
  const absl::string_view hex = text.substr(colon + 1);
  const size_t length = HexLength(algorithm);
  if (length == 0) {
    return absl::InvalidArgumentError(absl::StrCat("digest algorithm \"", absl::CHexEscape(algorithm.substr(0, 32)),
                                                   "\" is not supported (only sha256 and sha512)"));
  }
  if (hex.size() != length) {
    return absl::InvalidArgumentError(
        absl::StrCat("a ", algorithm, " digest has ", length, " hex digits, not ", hex.size()));
  }
  const bool is_hex =
      std::all_of(hex.begin(), hex.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (!is_hex) return absl::InvalidArgumentError("a digest has only the digits 0-9 and a-f");
  return absl::OkStatus();
}

bool IsDigest(absl::string_view text) {
  return CheckDigest(text).ok();
}

DigestHasher::DigestHasher(absl::string_view like)
    : algorithm_(absl::StartsWith(like, "sha512") ? "sha512" : "sha256"), context_(EVP_MD_CTX_new()) {
  if (context_ == nullptr) std::abort();
  MustSucceed(EVP_DigestInit_ex(context_, algorithm_ == "sha512" ? EVP_sha512() : EVP_sha256(), nullptr));
}

DigestHasher::~DigestHasher() {
  EVP_MD_CTX_free(context_);
}

void DigestHasher::Update(absl::string_view bytes) {
  MustSucceed(EVP_DigestUpdate(context_, bytes.data(), bytes.size()));
}

std::string DigestHasher::Finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum;
  unsigned int size = 0;
  MustSucceed(EVP_DigestFinal_ex(context_, sum.data(), &size));
  return absl::StrCat(algorithm_, ":",
                      absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(sum.data()), size)));
}

std::string DigestOf(absl::string_view bytes, absl::string_view like) {
  DigestHasher hasher(like);
  hasher.Update(bytes);
  return hasher.Finish();
}

absl::Status VerifyDigest(absl::string_view bytes, absl::string_view digest) {
  const std::string actual = DigestOf(bytes, digest);
  if (actual == digest) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("digest mismatch: wanted ", digest, ", got ", actual));
}

}  // namespace crisp
