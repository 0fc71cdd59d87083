#include "client/detach_keys.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace crisp::client {
namespace {

// The control characters in ASCII's order: ctrl-@ is 0, ctrl-_ is 31.
constexpr absl::string_view kControls = "@abcdefghijklmnopqrstuvwxyz[\\]^_";

}  // namespace

absl::StatusOr<DetachKeys> DetachKeys::Parse(absl::string_view text) {
  std::string keys;
  if (text.empty()) return DetachKeys(keys);
  for (const absl::string_view key : absl::StrSplit(text, ',')) {
    const std::string lower = absl::AsciiStrToLower(key);
    const size_t control =
        lower.size() == 6 && absl::StartsWith(lower, "ctrl-") ? kControls.find(lower[5]) : absl::string_view::npos;
    if (key.size() == 1) {
      keys += key[0];
    } else if (control != absl::string_view::npos) {
      keys += static_cast<char>(control);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", key, "\" is no key to detach by; write them as ctrl-p,ctrl-q or a single letter"));
    }
  }
  return DetachKeys(keys);
}

DetachKeys::Result DetachKeys::Feed(absl::string_view typed) {
  Result result;
  for (const char key : typed) {
    if (seen_ < keys_.size() && key == keys_[seen_]) {
      if (++seen_ < keys_.size()) continue;
      seen_ = 0;
      result.detached = true;
      break;
    }
    // The keys that seemed to begin were meant for the container.
    result.pass += keys_.substr(0, seen_);
    seen_ = !keys_.empty() && key == keys_[0] ? 1 : 0;
    if (seen_ == 0) result.pass += key;
    if (seen_ != 0 && keys_.size() == 1) {
      seen_ = 0;
      result.detached = true;
      break;
    }
  }
  return result;
}

}  // namespace crisp::client
