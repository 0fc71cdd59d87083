// The certificate and key of the streaming server.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

struct ssl_ctx_st;

namespace crisp {

struct SslContextFree {
  void operator()(ssl_ctx_st* context) const;
};
using SslContext = std::unique_ptr<ssl_ctx_st, SslContextFree>;

// Reads PEM files; the first may hold a chain. Without both, makes a self-signed certificate for `address` and
// loopback, valid for a year: the kubelet, which is the client, does not verify it. Errors: InvalidArgument if only one
// file is given; Internal if they cannot be read or do not match.
absl::StatusOr<SslContext> MakeServerTls(const std::string& certificate_file, const std::string& key_file,
                                         const std::string& address);

}  // namespace crisp
