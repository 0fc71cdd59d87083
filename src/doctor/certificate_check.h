// The check "certificate": files of certificates and keys that the configuration names: readable, and not about to end.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "images/tls_store.h"

namespace crisp {

class CallContext;
class Findings;
struct Subject;

// One certificate of `object`. `more` is said behind its subject. `now`: seconds since 1970.
void JudgeCertificateEnd(absl::string_view item, const std::string& object, const CertificateEnd& certificate,
                         const std::string& more, int64_t now, Findings* findings);

void CheckCertificates(const Subject& subject, Findings* findings, const CallContext& call);

}  // namespace crisp
