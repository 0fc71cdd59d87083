#include "streaming/tls_identity.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;

constexpr long kYear = 365 * 24 * 3600;

absl::Status TlsError(absl::string_view step) {
  char text[256] = "no reason given";
  if (const unsigned long error = ERR_get_error()) ERR_error_string_n(error, text, sizeof(text));
  ERR_clear_error();
  return absl::InternalError(absl::StrCat(step, ": ", text));
}

bool IsAddress(const std::string& text) {
  in6_addr bytes;
  return inet_pton(AF_INET, text.c_str(), &bytes) == 1 || inet_pton(AF_INET6, text.c_str(), &bytes) == 1;
}

bool AddNames(X509* certificate, const std::string& address) {
  std::string names = "DNS:localhost,IP:127.0.0.1,IP:::1";
  if (IsAddress(address)) absl::StrAppend(&names, ",IP:", address);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// A certificate of `key`, signed by itself.
Certificate SelfSigned(EVP_PKEY* key, const std::string& address) {
  Certificate certificate(X509_new());
  uint64_t serial = 0;
  if (certificate == nullptr || RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) != 1) {
    return nullptr;
  }
  X509* const x = certificate.get();
  X509_NAME* const name = X509_get_subject_name(x);
  const auto* const common = reinterpret_cast<const unsigned char*>("crisp streaming");
  const bool made = X509_set_version(x, 2) == 1 &&  // 2 encodes version 3
                    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1 &&
                    X509_gmtime_adj(X509_getm_notBefore(x), -3600) != nullptr &&
                    X509_gmtime_adj(X509_getm_notAfter(x), kYear) != nullptr && X509_set_pubkey(x, key) == 1 &&
                    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0) == 1 &&
                    X509_set_issuer_name(x, name) == 1 && AddNames(x, address) && X509_sign(x, key, EVP_sha256()) > 0;
  return made ? std::move(certificate) : nullptr;
}

absl::Status UseSelfSigned(SSL_CTX* context, const std::string& address) {
  const Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return TlsError("make a key");
  const Certificate certificate = SelfSigned(key.get(), address);
  if (certificate == nullptr) return TlsError("make a certificate");
  if (SSL_CTX_use_certificate(context, certificate.get()) != 1 || SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return TlsError("use the certificate made");
  }
  return absl::OkStatus();
}

absl::Status UseFiles(SSL_CTX* context, const std::string& certificate_file, const std::string& key_file) {
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1) {
    return TlsError(absl::StrCat("read the certificate ", certificate_file));
  }
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return TlsError(absl::StrCat("read the key ", key_file, " of ", certificate_file));
  }
  return absl::OkStatus();
}

}  // namespace

void SslContextFree::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

absl::StatusOr<SslContext> MakeServerTls(const std::string& certificate_file, const std::string& key_file,
                                         const std::string& address) {
  if (certificate_file.empty() != key_file.empty()) {
    return absl::InvalidArgumentError(
        "x509_key_pair_streaming: tls_cert_file and tls_key_file belong together; set both or neither");
  }
  SslContext context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return TlsError("start TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  const absl::Status status = certificate_file.empty() ? UseSelfSigned(context.get(), address)
                                                       : UseFiles(context.get(), certificate_file, key_file);
  if (!status.ok()) return status;
  return context;
}

}  // namespace crisp
