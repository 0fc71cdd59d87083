#include "images/registry_answer.h"

#include <curl/curl.h>

#include <algorithm>
#include <ctime>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/excerpt.h"
#include "base/json_reader.h"

namespace crisp {
namespace {

const char* ReasonPhrase(int status) {
  switch (status) {
    case 400:
      return " Bad Request";
    case 401:
      return " Unauthorized";
    case 403:
      return " Forbidden";
    case 404:
      return " Not Found";
    case 429:
      return " Too Many Requests";
    case 500:
      return " Internal Server Error";
    case 502:
      return " Bad Gateway";
    case 503:
      return " Service Unavailable";
    case 504:
      return " Gateway Timeout";
    default:
      return "";
  }
}

// The first error of a registry's error document (distribution specification, "Error Codes"), if it is one.
std::string RegistryError(const std::string& body) {
  const absl::StatusOr<JsonDocument> document = JsonDocument::Parse(body);
  if (!document.ok()) return "";
  const absl::StatusOr<std::vector<JsonReader>> errors = document->root().Objects("errors");
  if (!errors.ok() || errors->empty()) return "";
  const absl::StatusOr<std::string> code = errors->front().String("code");
  const absl::StatusOr<std::string> message = errors->front().String("message");
  if (!code.ok() || !message.ok()) return "";
  return absl::StrCat(" (", Excerpt(*code, 60), ": ", Excerpt(*message, 200), ")");
}

}  // namespace

std::string DescribeAnswer(const HttpResponse& response) {
  return absl::StrCat(response.status, ReasonPhrase(response.status), RegistryError(response.body));
}

std::chrono::milliseconds RetryAfter(const HttpResponse& response) {
  using std::chrono::seconds;
  using std::chrono::system_clock;
  const std::string value = response.Header("retry-after");
  int64_t told = 0;
  seconds wait{0};
  if (absl::SimpleAtoi(value, &told)) {
    wait = seconds(told);
  } else if (const time_t when = curl_getdate(value.c_str(), nullptr); when >= 0) {
    wait = std::chrono::floor<seconds>(system_clock::from_time_t(when) - system_clock::now());
  }
  return std::clamp<seconds>(wait, seconds(0), std::chrono::hours(1));
}

absl::Status CheckIsManifest(const std::string& body) {
  const absl::StatusOr<JsonDocument> document = JsonDocument::Parse(body);
  if (document.ok()) {
    for (const char* member : {"schemaVersion", "mediaType", "manifests", "layers"}) {
      if (document->root().Contains(member)) return absl::OkStatus();
    }
  }
  return absl::InternalError(absl::StrCat("its answer is not a manifest: \"", Excerpt(body, 60), "\""));
}

}  // namespace crisp
