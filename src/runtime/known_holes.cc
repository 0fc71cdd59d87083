#include "runtime/known_holes.h"

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
  if (!ConsumeNumber(&text, &version[1])) return std::nullopt;
  // Crun's first release of a series has two numbers: "1.20".
  if (absl::ConsumePrefix(&text, ".") ? !ConsumeNumber(&text, &version[2]) : !text.empty()) return std::nullopt;
  if (absl::ConsumePrefix(&text, "-rc") || absl::ConsumePrefix(&text, "~rc")) {
    absl::ConsumePrefix(&text, ".");
    if (!ConsumeNumber(&text, &version[3])) version[3] = 0;
  }
  return version;
}

// A version has the hole from `since` up to, but not including, `mended`.
struct Hole {
  absl::string_view program;
  absl::string_view cve;
  bool escape;  // a container can get at the host's files or processes
  Version since;
  Version mended;
};

constexpr Version kAlways{0, 0, 0, 0};

// In the order in which they are printed. Sources: the security advisories and release notes of
// github.com/opencontainers/runc and github.com/containers/crun. Not in it: of crun, CVE-2025-24965,
// which is in its handler krun only, and CVE-2026-30892, which is in an option of exec that crisp does not use.
constexpr Hole kHoles[] = {
    {"runc", "CVE-2019-5736", true, kAlways, {1, 0, 0, 7}},                  // its own program is overwritten
    {"runc", "CVE-2019-16884", false, kAlways, {1, 0, 0, 9}},                // a volume over /proc: no AppArmor
    {"runc", "CVE-2019-19921", true, kAlways, {1, 0, 0, 10}},                // a race of volumes over /proc
    {"runc", "CVE-2021-30465", true, kAlways, {1, 0, 0, 95}},                // a mount's target is exchanged for a link
    {"runc", "CVE-2021-43784", false, kAlways, {1, 0, 3, kReleased}},        // an overflow in a netlink message
    {"runc", "CVE-2022-29162", false, kAlways, {1, 1, 2, kReleased}},        // inheritable capabilities in exec
    {"runc", "CVE-2023-25809", false, kAlways, {1, 1, 5, kReleased}},        // rootless: a writable /sys/fs/cgroup
    {"runc", "CVE-2023-27561", false, {1, 0, 0, 95}, {1, 1, 5, kReleased}},  // 2019-19921 once more
    {"runc", "CVE-2023-28642", false, kAlways, {1, 1, 5, kReleased}},        // a link at /proc: no AppArmor, no SELinux
    {"runc", "CVE-2024-21626", true, kAlways, {1, 1, 12, 0}},           // a descriptor of the host's file system leaks
    {"runc", "CVE-2024-45310", false, kAlways, {1, 1, 14, kReleased}},  // empty files are made on the host
    {"runc", "CVE-2024-45310", false, {1, 2, 0, 0}, {1, 2, 0, 3}},
    {"runc", "CVE-2025-31133", true, kAlways, {1, 2, 8, kReleased}},  // a masked path is exchanged for a link
    {"runc", "CVE-2025-31133", true, {1, 3, 0, 0}, {1, 3, 3, kReleased}},
    {"runc", "CVE-2025-31133", true, {1, 4, 0, 0}, {1, 4, 0, 3}},
    {"runc", "CVE-2025-52565", true, kAlways, {1, 2, 8, kReleased}},  // likewise with /dev/console
    {"runc", "CVE-2025-52565", true, {1, 3, 0, 0}, {1, 3, 3, kReleased}},
    {"runc", "CVE-2025-52565", true, {1, 4, 0, 0}, {1, 4, 0, 3}},
    {"runc", "CVE-2025-52881", true, kAlways, {1, 2, 8, kReleased}},  // writes to /proc are led elsewhere
    {"runc", "CVE-2025-52881", true, {1, 3, 0, 0}, {1, 3, 3, kReleased}},
    {"runc", "CVE-2025-52881", true, {1, 4, 0, 0}, {1, 4, 0, 3}},
    {"runc", "CVE-2026-41579", false, kAlways, {1, 3, 6, kReleased}},  // an image's /dev is a link: links on the host
    {"runc", "CVE-2026-41579", false, {1, 4, 0, 0}, {1, 4, 3, kReleased}},
    {"runc", "CVE-2026-41579", false, {1, 5, 0, 0}, {1, 5, 0, 3}},
    {"crun", "CVE-2019-18837", true, kAlways, {0, 10, 5, kReleased}},   // links in the image lead out of it
    {"crun", "CVE-2022-27650", false, kAlways, {1, 4, 4, kReleased}},   // inheritable capabilities
    {"crun", "CVE-2026-47766", false, kAlways, {1, 28, 0, kReleased}},  // the same as CVE-2026-41579 of runc
};

std::string HolesOf(absl::string_view program, absl::string_view text, bool escapes_only) {
  const std::optional<Version> version = ParseVersion(text);
  std::string holes;
  for (const Hole& hole : kHoles) {
    if (!version || hole.program != program || (escapes_only && !hole.escape)) continue;
    if (*version < hole.since || !(*version < hole.mended)) continue;
    absl::StrAppend(&holes, holes.empty() ? "" : ", ", hole.cve);
  }
  return holes;
}

}  // namespace

std::string HolesOfRunc(absl::string_view version) {
  return HolesOf("runc", version, /*escapes_only=*/true);
}

std::string AllHolesOf(absl::string_view program, absl::string_view version) {
  return HolesOf(program, version, /*escapes_only=*/false);
}

}  // namespace crisp
