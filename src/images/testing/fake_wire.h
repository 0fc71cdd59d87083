// FakeWire: a connection to a FakeRegistry, with TLS or without.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "images/testing/test_registry.h"
#include "os/fd.h"

struct ssl_st;

namespace crisp {

class FakeWire {
 public:
  explicit FakeWire(Fd fd) : fd_(std::move(fd)) {}
  ~FakeWire();
  FakeWire(const FakeWire&) = delete;
  FakeWire& operator=(const FakeWire&) = delete;

  int fd() const { return fd_.get(); }
  bool secure() const { return tls_ != nullptr; }
  // The name in the client's certificate, if it showed one.
  const std::string& client() const { return client_; }

  // False, with the answer of Go's servers, if the client does not begin as it should.
  bool Open(const std::optional<FakeTls>& tls);
  // Empty at the end of the connection.
  std::string Receive();
  bool Send(absl::string_view data);

 private:
  bool Accept(const FakeTls& tls);

  Fd fd_;
  ssl_st* tls_ = nullptr;
  std::string client_;
};

}  // namespace crisp
