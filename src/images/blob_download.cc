#include "images/blob_download.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace crisp {

std::string BlobDownload::Range() const {
  return asks_for_whole() ? "" : absl::StrCat("Range: bytes=", received_, "-");
}

absl::Status BlobDownload::Begin(const HttpResponse& response) {
  uint64_t start = 0;
  if (response.status == 206) {
    const std::string range = response.Header("content-range");
    absl::string_view rest = range;
    if (asks_for_whole() || !absl::ConsumePrefix(&rest, absl::StrCat("bytes ", received_, "-"))) {
      return absl::InternalError(absl::StrCat("asked for bytes from ", asks_for_whole() ? 0 : received_, ", got \"",
                                              absl::CHexEscape(range.substr(0, 80)), "\""));
    }
    start = received_;
  }
  skip_ = received_ - start;
  uint64_t length = 0;
  if (absl::SimpleAtoi(response.Header("content-length"), &length)) {
    if (length == size_ - start) return absl::OkStatus();
    return absl::InternalError(absl::StrCat("the registry has ", start + length, " bytes, the manifest says ", size_));
  }
  // A page of a proxy or a document of errors, without a length that would show it.
  const std::string type = response.Header("content-type");
  if (absl::StartsWithIgnoreCase(type, "text/html") || absl::StartsWithIgnoreCase(type, "application/json")) {
    return absl::InternalError(absl::StrCat("it answered with ", absl::CHexEscape(type.substr(0, 80))));
  }
  return absl::OkStatus();
}

absl::Status BlobDownload::Take(absl::string_view bytes) {
  const size_t known = static_cast<size_t>(std::min<uint64_t>(skip_, bytes.size()));
  skip_ -= known;
  bytes.remove_prefix(known);
  if (bytes.size() > size_ - received_) {
    return absl::InternalError(absl::StrCat("it is longer than the ", size_, " bytes that the manifest says"));
  }
  if (bytes.empty()) return absl::OkStatus();
  received_ += bytes.size();
  sink_error_ = sink_(bytes);
  return sink_error_;
}

}  // namespace crisp
