// The certificate with which the streaming server shows itself.
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

// From PEM files; the first may hold a chain. Without both, with a new self-signed certificate for `address` and this
// machine's loopback, valid for a year: the kubelet, which is the client, does not check it. InvalidArgument if only
// one is given, Internal if they cannot be read or do not belong together.
absl::StatusOr<SslContext> MakeServerTls(const std::string& certificate_file, const std::string& key_file,
                                         const std::string& address);

}  // namespace crisp
