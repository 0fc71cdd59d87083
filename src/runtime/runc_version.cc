#include "runtime/runtime_version.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "runtime/oci_runtime.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kPatience{10};
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

std::optional<OutdatedRuntime> JudgeRuntimeVersion(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "runc version ")) return std::nullopt;
  const absl::string_view word = text.substr(0, text.find_first_of(" \t\r\n"));
  const std::optional<Version> version = ParseVersion(word);
  if (!version || !RacesInProc(*version)) return std::nullopt;
  const char* leak = LeaksDescriptors(*version) ? "CVE-2024-21626, " : "";
  return OutdatedRuntime{std::string(word), absl::StrCat(leak, "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881")};
}

void WarnOfOutdatedRuntime(const std::string& handler, const std::string& binary, const Call& call) {
  const auto answer = RunCommand(RuntimeCommand(binary, {"--version"}), call.Within(kPatience));
  if (!answer.ok() || !answer->ok()) return;
  const std::optional<OutdatedRuntime> outdated = JudgeRuntimeVersion(answer->output);
  if (!outdated) return;
  LogWarning("an OCI runtime of this version lets containers out, unless your distribution has mended it",
             {{"runtime", handler}, {"version", outdated->version}, {"holes", outdated->holes}});
}

}  // namespace crisp
