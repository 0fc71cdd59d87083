// ProbeEndpoint: asks one endpoint of a registry whether it is one (distribution specification 1.1, "Determining
// Support": GET /v2/).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "images/endpoint.h"
#include "images/http.h"
#include "images/registry_options.h"

namespace crisp {

class CallContext;

struct EndpointAnswer {
  bool serves = false;            // a registry has answered, or one that asks for credentials
  std::string text;               // for people: the answer, or why there is none; the proxy, if there is one
  bool speaks_no_tls = false;     // as far as could be seen: the fallback by http may
  ServerCertificate certificate;  // of https
  std::optional<int64_t> date;    // its clock, seconds since 1970
};

// `client` is used by several probes at once. Returns when there is an answer, or with the time of `call`.
EndpointAnswer ProbeEndpoint(HttpClient& client, const Endpoint& endpoint, const RegistryOptions& options,
                             const CallContext& call);

// "Nov 29 15:59:06 2027 GMT", as OpenSSL prints it, or "Sun, 29 Nov 2026 15:59:06 GMT" (RFC 9110, section 5.6.7).
std::optional<int64_t> ParseCertificateTime(const std::string& text);
std::optional<int64_t> ParseHttpDate(const std::string& text);

}  // namespace crisp
