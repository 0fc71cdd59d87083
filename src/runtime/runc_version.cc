#include "runtime/runc_version.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace crisp {
namespace {

constexpr int kReleased = std::numeric_limits<int>::max();

// Major, minor, patch; then N of a release candidate "-rc.N", kReleased of a release. Compares as versions do.
using Version = std::array<int, 4>;

// Takes the digits that `text` begins with.
bool ConsumeNumber(absl::string_view* text, int* number) {
  const size_t end = std::min(text->find_first_not_of("0123456789"), text->size());
  if (!absl::SimpleAtoi(text->substr(0, end), number)) return false;
  text->remove_prefix(end);
  return true;
}

// "1.4.0-rc.2+dev", also as distributions write it: "1.1.4-0ubuntu1", "1.4.0~rc2". What is not understood behind the
// third number is theirs, and says nothing.
std::optional<Version> ParseVersion(absl::string_view text) {
  Version version{0, 0, 0, kReleased};
  if (!ConsumeNumber(&text, &version[0]) || !absl::ConsumePrefix(&text, ".")) return std::nullopt;
  if (!ConsumeNumber(&text, &version[1]) || !absl::ConsumePrefix(&text, ".")) return std::nullopt;
  if (!ConsumeNumber(&text, &version[2])) return std::nullopt;
  if (absl::ConsumePrefix(&text, "-rc") || absl::ConsumePrefix(&text, "~rc")) {
    absl::ConsumePrefix(&text, ".");
    if (!ConsumeNumber(&text, &version[3])) version[3] = 0;
  }
  return version;
}

// CVE-2024-21626; mended in 1.1.12 (runc's advisory GHSA-xr7r-f8xq-vfvv).
bool LeaksDescriptors(const Version& version) {
  return version < Version{1, 1, 12, 0};
}

// CVE-2025-31133, 52565 and 52881; mended in 1.2.8, 1.3.3 and 1.4.0-rc.3 (GHSA-9493-h29p-rfm2, GHSA-qw9x-cqr3-wc7r,
// GHSA-cgrx-mc8f-2prm).
bool RacesInProc(const Version& version) {
  if (version < Version{1, 3, 0, 0}) return version < Version{1, 2, 8, kReleased};
  if (version < Version{1, 4, 0, 0}) return version < Version{1, 3, 3, kReleased};
  return version < Version{1, 4, 0, 3};
}

}  // namespace

std::string HolesOfRunc(absl::string_view text) {
  const std::optional<Version> version = ParseVersion(text);
  if (!version || !RacesInProc(*version)) return "";
  const char* leak = LeaksDescriptors(*version) ? "CVE-2024-21626, " : "";
  return absl::StrCat(leak, "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881");
}

}  // namespace crisp
