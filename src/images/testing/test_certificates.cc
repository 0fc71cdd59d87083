#include "images/testing/test_certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

constexpr long kDay = 24 * 60 * 60;

void Must(bool done) {
  if (!done) std::abort();
}

template <typename Write>
std::string ToPem(const Write& write) {
  BIO* const bio = BIO_new(BIO_s_mem());
  Must(write(bio) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

TestCertificate InPem(X509* certificate, EVP_PKEY* key) {
  return {ToPem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); }),
          ToPem([&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); })};
}

void AddExtension(X509* certificate, X509* issuer, int id, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
  Must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

// A certificate of `key` called `name`, without extensions and signature. Valid from yesterday on.
X509* Begin(const std::string& name, EVP_PKEY* key) {
  static std::atomic<long> serial{1};
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kDay);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  Must(X509_set_pubkey(certificate, key) == 1);
  return certificate;
}

}  // namespace

TestCa::TestCa(const std::string& name) : key_(EVP_EC_gen("P-256")), certificate_(Begin(name, key_)) {
  X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_));
  AddExtension(certificate_, certificate_, NID_basic_constraints, "critical,CA:TRUE");
  Must(X509_sign(certificate_, key_, EVP_sha256()) != 0);
  own_ = InPem(certificate_, key_);
}

TestCa::~TestCa() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

TestCertificate TestCa::Issue(const std::string& name) const {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = Begin(name, key);
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate_));
  AddExtension(certificate, certificate_, NID_subject_alt_name, absl::StrCat("IP:127.0.0.1,DNS:localhost,DNS:", name));
  Must(X509_sign(certificate, key_, EVP_sha256()) != 0);
  TestCertificate pem = InPem(certificate, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return pem;
}

}  // namespace crisp
