// What answers of a registry mean (distribution specification 1.1; RFC 9110).
//
// Plain functions, callable from any thread.
#pragma once

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "images/http.h"

namespace crisp {

// The status with its phrase, and the first error of a registry's error document ("Error Codes"), if the body is one.
std::string DescribeAnswer(const HttpResponse& response);

// The time to wait according to "Retry-After: <seconds>" or "Retry-After: <date>" (section 10.2.3), at most an hour.
std::chrono::milliseconds RetryAfter(const HttpResponse& response);

// Internal unless `body` can be a manifest: a JSON object of that kind. What answers for a registry, such as a proxy's
// page or a document of errors, is not.
absl::Status CheckIsManifest(const std::string& body);

}  // namespace crisp
