// Certificates for tests of TLS: an authority, and what it signs for servers on loopback and for clients.
#pragma once

#include <memory>
#include <string>

struct evp_pkey_st;
struct x509_st;

namespace crisp {

// Certificate and private key, PEM.
struct TestCertificate {
  std::string certificate;
  std::string key;
};

class TestCa {
 public:
  explicit TestCa(const std::string& name);
  ~TestCa();
  TestCa(const TestCa&) = delete;
  TestCa& operator=(const TestCa&) = delete;

  // The authority's own certificate, PEM.
  const std::string& pem() const { return own_.certificate; }
  // For a client called `name`, or a server at 127.0.0.1, localhost and `name`.
  TestCertificate Issue(const std::string& name) const;

 private:
  evp_pkey_st* const key_;
  x509_st* const certificate_;
  TestCertificate own_;
};

}  // namespace crisp
