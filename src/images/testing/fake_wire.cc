#include "images/testing/fake_wire.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>

namespace crisp {
namespace {

template <typename T>
T* Parse(const std::string& pem, T* (*read)(BIO*, T**, pem_password_cb*, void*)) {
  BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  T* const object = read(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return object;
}

}  // namespace

FakeWire::~FakeWire() {
  SSL_free(tls_);
}

bool FakeWire::Open(const std::optional<FakeTls>& tls) {
  constexpr unsigned char kHandshake = 22;  // the first byte of TLS
  unsigned char first = 0;
  if (recv(fd_.get(), &first, 1, MSG_PEEK) != 1) return false;
  const bool begins_tls = first == kHandshake;
  if (tls.has_value() && tls->hang_ups != nullptr && tls->hang_ups->fetch_sub(1) > 0) return false;
  if (tls.has_value() && begins_tls) return Accept(*tls);
  if (!begins_tls && (!tls.has_value() || tls->also_plain)) return true;
  char request[65536];
  (void)recv(fd_.get(), request, sizeof(request), 0);  // unread bytes would turn the end into a reset
  Send(tls.has_value() ? "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
                       : "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTPS request to an HTTP server.\n");
  shutdown(fd_.get(), SHUT_WR);
  return false;
}

std::string FakeWire::Receive() {
  char buffer[65536];
  const ssize_t count =
      tls_ != nullptr ? SSL_read(tls_, buffer, sizeof(buffer)) : recv(fd_.get(), buffer, sizeof(buffer), 0);
  return std::string(buffer, static_cast<size_t>(std::max<ssize_t>(count, 0)));
}

bool FakeWire::Send(absl::string_view data) {
  while (!data.empty()) {
    const ssize_t count = tls_ != nullptr ? SSL_write(tls_, data.data(), static_cast<int>(data.size()))
                                          : send(fd_.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    data.remove_prefix(static_cast<size_t>(count));
  }
  return true;
}

bool FakeWire::Accept(const FakeTls& tls) {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  X509* const certificate = Parse<X509>(tls.own.certificate, &PEM_read_bio_X509);
  EVP_PKEY* const key = Parse<EVP_PKEY>(tls.own.key, &PEM_read_bio_PrivateKey);
  SSL_CTX_use_certificate(context, certificate);
  SSL_CTX_use_PrivateKey(context, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  if (!tls.client_ca.empty()) {
    X509* const authority = Parse<X509>(tls.client_ca, &PEM_read_bio_X509);
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority);
    SSL_CTX_add_client_CA(context, authority);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    X509_free(authority);
  }
  tls_ = SSL_new(context);
  SSL_CTX_free(context);
  SSL_set_fd(tls_, fd_.get());
  if (SSL_accept(tls_) != 1) return false;
  if (X509* const shown = SSL_get0_peer_certificate(tls_); shown != nullptr) {
    char name[256] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof(name));
    client_ = name;
  }
  return true;
}

}  // namespace crisp
