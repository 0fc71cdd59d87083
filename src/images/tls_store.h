// TlsStore: the certificates for connections to registries, as OpenSSL takes them. Trusted are the system's
// certificates and those of RegistryTls::ca_files. As Go programs find them, the system's are in the file SSL_CERT_FILE
// or else the first that exists of a list, and in all files of the directories SSL_CERT_DIR (":" between) or else of a
// list (Go: src/crypto/x509/root_unix.go, root_linux.go).
//
// Threading: thread-safe. Files are read once, when they are first needed.
// Errors: FailedPrecondition naming the file that cannot be used and why.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "images/registry_options.h"

struct ssl_ctx_st;

namespace crisp {

class TlsStore {
 public:
  TlsStore();
  ~TlsStore();
  TlsStore(const TlsStore&) = delete;
  TlsStore& operator=(const TlsStore&) = delete;

  // What a connection with this configuration trusts and shows. Valid as long as the store.
  class Material;
  absl::StatusOr<const Material*> Get(const RegistryTls& tls);

  // Makes connections of `context` (an SSL_CTX) use `material`, which must outlive them.
  static void Apply(const Material& material, ssl_ctx_st* context);

 private:
  class Certificates;
  Mutex mutex_;
  std::unique_ptr<Certificates> system_ ABSL_GUARDED_BY(mutex_);
  std::map<RegistryTls, std::unique_ptr<Material>> materials_ ABSL_GUARDED_BY(mutex_);
};

// Whether the files of `tls` can be used.
absl::Status CheckTlsFiles(const RegistryTls& tls);

struct CertificateEnd {
  std::string subject;  // "CN=mirror.example"
  int64_t end = 0;      // seconds since 1970: not valid after it
};

// The certificates in `file`, PEM, in their order.
absl::StatusOr<std::vector<CertificateEnd>> CertificatesIn(const std::string& file);

}  // namespace crisp
