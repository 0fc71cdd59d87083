#include "images/tls_store.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kFileLimit = 16 << 20;
constexpr const char* kSystemFiles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                        "/etc/pki/tls/certs/ca-bundle.crt",
                                        "/etc/ssl/ca-bundle.pem",
                                        "/etc/pki/tls/cacert.pem",
                                        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                                        "/etc/ssl/cert.pem"};
constexpr const char* kSystemDirectories[] = {"/etc/ssl/certs", "/etc/pki/tls/certs"};

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using X509Ptr = std::unique_ptr<X509, Freer<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Freer<BIO_free>>;
using StorePtr = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;

absl::Status Unusable(const std::string& file, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(file, " ", why));
}

absl::StatusOr<std::string> ReadPem(const std::string& file) {
  const absl::StatusOr<std::string> text = ReadFileAt(AT_FDCWD, file, kFileLimit);
  if (!text.ok()) return absl::FailedPreconditionError(text.status().message());
  return *text;
}

// The reason of OpenSSL's last error, which is then forgotten.
std::string LastError() {
  const unsigned long error = ERR_peek_last_error();
  const char* const reason = ERR_reason_error_string(error);
  ERR_clear_error();
  return reason != nullptr ? reason : "unknown error";
}

// Keys with a passphrase cannot be used: nobody is there to type it.
int NoPassphrase(char*, int, int, void*) {
  return -1;
}

// Every certificate in `pem`. What is not one, and certificates that cannot be parsed, are skipped.
std::vector<X509Ptr> ParseCertificates(const std::string& pem) {
  std::vector<X509Ptr> certificates;
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  for (;;) {
    X509Ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, &NoPassphrase, nullptr));
    const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (certificate != nullptr) {
      certificates.push_back(std::move(certificate));
    } else if (at_end || BIO_eof(bio.get())) {
      return certificates;
    }
  }
}

std::vector<std::string> SystemDirectories() {
  const char* const set = getenv("SSL_CERT_DIR");
  if (set != nullptr && *set != '\0') return absl::StrSplit(set, ':');
  return {std::begin(kSystemDirectories), std::end(kSystemDirectories)};
}

std::vector<std::string> SystemFiles() {
  const char* const set = getenv("SSL_CERT_FILE");
  if (set != nullptr && *set != '\0') return {set};
  return {std::begin(kSystemFiles), std::end(kSystemFiles)};
}

// A link to a file in the same directory, as c_rehash makes them: the file itself is read.
bool IsLinkWithin(const std::string& path) {
  char target[PATH_MAX];
  const ssize_t length = readlink(path.c_str(), target, sizeof(target));
  return length > 0 && !absl::StrContains(absl::string_view(target, static_cast<size_t>(length)), "/");
}

// One client certificate with the certificates behind it, and its key.
struct Identity {
  std::vector<X509Ptr> chain;
  KeyPtr key;
};

absl::StatusOr<Identity> LoadIdentity(const ClientCertificate& files) {
  ASSIGN_OR_RETURN(const std::string certificates, ReadPem(files.cert_file));
  Identity identity;
  identity.chain = ParseCertificates(certificates);
  if (identity.chain.empty()) return Unusable(files.cert_file, "has no certificate (PEM) in it");
  const std::string& key_file = files.key_file.empty() ? files.cert_file : files.key_file;
  ASSIGN_OR_RETURN(const std::string key, ReadPem(key_file));
  const BioPtr bio(BIO_new_mem_buf(key.data(), static_cast<int>(key.size())));
  identity.key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassphrase, nullptr));
  if (identity.key == nullptr) {
    ERR_clear_error();
    return Unusable(key_file, "has no private key (PEM, without a passphrase) in it");
  }
  if (X509_check_private_key(identity.chain.front().get(), identity.key.get()) != 1) {
    return Unusable(key_file,
                    absl::StrCat("has another key than the certificate in ", files.cert_file, ": ", LastError()));
  }
  return identity;
}

absl::StatusOr<std::vector<X509Ptr>> LoadAuthorities(const std::string& file) {
  ASSIGN_OR_RETURN(const std::string pem, ReadPem(file), "CA");
  std::vector<X509Ptr> certificates = ParseCertificates(pem);
  if (certificates.empty()) return Unusable(file, "has no CA certificate (PEM) in it");
  return certificates;
}

// Whether the server accepts certificates of this issuer. A server that names none accepts any.
bool Fits(const Identity& identity, const STACK_OF(X509_NAME) * issuers) {
  const int count = issuers == nullptr ? 0 : sk_X509_NAME_num(issuers);
  if (count == 0) return true;
  return std::any_of(identity.chain.begin(), identity.chain.end(), [&](const X509Ptr& certificate) {
    for (int i = 0; i < count; ++i) {
      if (X509_NAME_cmp(X509_get_issuer_name(certificate.get()), sk_X509_NAME_value(issuers, i)) == 0) return true;
    }
    return false;
  });
}

void Use(const Identity& identity, SSL* connection) {
  STACK_OF(X509)* behind = sk_X509_new_null();
  for (size_t i = 1; i < identity.chain.size(); ++i) sk_X509_push(behind, identity.chain[i].get());
  SSL_use_cert_and_key(connection, identity.chain.front().get(), identity.key.get(), behind, 1);
  sk_X509_free(behind);
}

int64_t SecondsOf(const ASN1_TIME* asn1) {
  std::tm parts{};
  return ASN1_TIME_to_tm(asn1, &parts) == 1 ? timegm(&parts) : 0;
}

std::string SubjectOf(const X509* certificate) {
  const BioPtr text(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const auto size = BIO_get_mem_data(text.get(), &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : "";
}

}  // namespace

// The system's certificates.
class TlsStore::Certificates {
 public:
  Certificates() {
    for (const std::string& file : SystemFiles()) {
      if (Add(file)) break;
    }
    for (const std::string& directory : SystemDirectories()) {
      const absl::StatusOr<std::vector<std::string>> names = ListDir(directory);
      if (!names.ok()) continue;
      for (const std::string& name : *names) {
        const std::string path = absl::StrCat(directory, "/", name);
        if (!IsLinkWithin(path)) Add(path);
      }
    }
    read_ = {};
  }

  void AddTo(X509_STORE* store) const {
    for (const X509Ptr& certificate : certificates_) X509_STORE_add_cert(store, certificate.get());
  }

 private:
  bool Add(const std::string& file) {
    const absl::StatusOr<std::string> pem = ReadFileAt(AT_FDCWD, file, kFileLimit);
    if (!pem.ok()) return false;
    // Debian's bundle has the text of all other files in the directory.
    if (absl::StrContains(read_, *pem)) return true;
    read_ += *pem;
    for (X509Ptr& certificate : ParseCertificates(*pem)) certificates_.push_back(std::move(certificate));
    return true;
  }

  std::vector<X509Ptr> certificates_;
  std::string read_;  // so far
};

class TlsStore::Material {
 public:
  explicit Material(StorePtr trusted) : trusted_(std::move(trusted)) {}

  absl::Status Load(const RegistryTls& tls) {
    for (const std::string& file : tls.ca_files) {
      ASSIGN_OR_RETURN(const std::vector<X509Ptr> authorities, LoadAuthorities(file));
      for (const X509Ptr& authority : authorities) X509_STORE_add_cert(trusted_.get(), authority.get());
    }
    for (const ClientCertificate& client : tls.clients) {
      ASSIGN_OR_RETURN(Identity identity, LoadIdentity(client), "client certificate");
      identities_.push_back(std::move(identity));
    }
    return absl::OkStatus();
  }

  X509_STORE* trusted() const { return trusted_.get(); }

  // OpenSSL's callback for a server that asks for a certificate. Without one that fits, none is shown.
  static int Choose(SSL* connection, void* user) {
    const STACK_OF(X509_NAME)* issuers = SSL_get0_peer_CA_list(connection);
    for (const Identity& identity : static_cast<const Material*>(user)->identities_) {
      if (!Fits(identity, issuers)) continue;
      Use(identity, connection);
      break;
    }
    return 1;
  }

 private:
  StorePtr trusted_;
  std::vector<Identity> identities_;
};

TlsStore::TlsStore() = default;
TlsStore::~TlsStore() = default;

absl::StatusOr<const TlsStore::Material*> TlsStore::Get(const RegistryTls& tls) {
  MutexLock lock(mutex_);
  if (const auto it = materials_.find(tls); it != materials_.end()) return it->second.get();
  StorePtr trusted(X509_STORE_new());
  // As in Go, every certificate that is trusted may end a chain, not only self-signed ones.
  X509_STORE_set_flags(trusted.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
  if (!tls.insecure_skip_verify) {
    if (system_ == nullptr) system_ = std::make_unique<Certificates>();
    system_->AddTo(trusted.get());
  }
  auto material = std::make_unique<Material>(std::move(trusted));
  RETURN_IF_ERROR(material->Load(tls));
  return materials_.emplace(tls, std::move(material)).first->second.get();
}

void TlsStore::Apply(const Material& material, ssl_ctx_st* context) {
  SSL_CTX_set1_cert_store(context, material.trusted());
  SSL_CTX_set_cert_cb(context, &Material::Choose, const_cast<Material*>(&material));
}

absl::Status CheckTlsFiles(const RegistryTls& tls) {
  for (const std::string& file : tls.ca_files) RETURN_IF_ERROR(LoadAuthorities(file));
  for (const ClientCertificate& client : tls.clients) RETURN_IF_ERROR(LoadIdentity(client), "client certificate");
  return absl::OkStatus();
}

absl::StatusOr<std::vector<CertificateEnd>> CertificatesIn(const std::string& file) {
  ASSIGN_OR_RETURN(const std::string pem, ReadPem(file));
  std::vector<CertificateEnd> ends;
  for (const X509Ptr& certificate : ParseCertificates(pem)) {
    ends.push_back({SubjectOf(certificate.get()), SecondsOf(X509_get0_notAfter(certificate.get()))});
  }
  if (ends.empty()) return Unusable(file, "has no certificate (PEM) in it");
  return ends;
}

}  // namespace crisp
