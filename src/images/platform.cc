#include "images/platform.h"

#include <fcntl.h>

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kCpuinfoLimit = 16 << 20;

struct Version {
  int major = 0;
  int minor = 0;
};

// What one variant adds to those before it.
struct Level {
  const char* variant;
  std::vector<absl::string_view> flags;
};

// The x86-64 psABI, "Micro-Architecture Levels", by the names of /proc/cpuinfo: "pni" is SSE3, "abm" has LZCNT.
const std::vector<Level>& Amd64Levels() {
  static const auto* const levels = new std::vector<Level>{
      {"v2", {"cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"}},
      {"v3", {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}},
      {"v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}},
  };
  return *levels;
}

// The features that each version of the Arm architecture makes mandatory and that programs can use, by their names in
// /proc/cpuinfo (Linux, Documentation/arch/arm64/elf_hwcaps.rst).
const std::vector<Level>& Arm64Levels() {
  static const auto* const levels = new std::vector<Level>{
      {"v8.1", {"atomics", "asimdrdm", "crc32"}},    {"v8.2", {"dcpop"}},
      {"v8.3", {"fcma", "jscvt", "lrcpc", "paca"}},  {"v8.4", {"asimddp", "dit", "flagm", "ilrcpc", "uscat"}},
      {"v8.5", {"dcpodp", "flagm2", "frint", "sb"}}, {"v8.6", {"bf16", "i8mm"}},
  };
  return *levels;
}

// The words of the first line "<name> : <words>". All CPUs of a machine have the same.
std::set<absl::string_view> WordsOf(absl::string_view cpuinfo, absl::string_view name) {
  for (const absl::string_view line : absl::StrSplit(cpuinfo, '\n')) {
    const std::pair<absl::string_view, absl::string_view> field = absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (absl::StripAsciiWhitespace(field.first) == name) return absl::StrSplit(field.second, ' ', absl::SkipEmpty());
  }
  return {};
}

// The highest variant of which, and of those before it, every flag is there; "" if it is none.
std::string HighestVariant(const std::vector<Level>& levels, const std::set<absl::string_view>& flags) {
  std::string variant;
  for (const Level& level : levels) {
    for (const absl::string_view flag : level.flags) {
      if (flags.count(flag) == 0) return variant;
    }
    variant = level.variant;
  }
  return variant;
}

// "v8.3" as {8, 3}; `baseline` for "". Nothing if it is no version.
std::optional<Version> ParseVersion(absl::string_view variant, int baseline) {
  if (variant.empty()) return Version{baseline, 0};
  if (!absl::ConsumePrefix(&variant, "v")) return std::nullopt;
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(variant, absl::MaxSplits('.', 1));
  Version version;
  const bool good = parts.first.size() <= 2 && parts.second.size() <= 2 &&
                    absl::SimpleAtoi(parts.first, &version.major) &&
                    (parts.second.empty() || absl::SimpleAtoi(parts.second, &version.minor));
  return good ? std::make_optional(version) : std::nullopt;
}

std::optional<int> Amd64Rank(const Platform& host, const Platform& image) {
  if (image.architecture == "386") return image.variant.empty() ? std::make_optional(kForeignRank) : std::nullopt;
  if (image.architecture != "amd64") return std::nullopt;
  const std::optional<Version> most = ParseVersion(host.variant, 1), wanted = ParseVersion(image.variant, 1);
  if (!most || !wanted || wanted->minor != 0 || wanted->major < 1 || wanted->major > most->major) return std::nullopt;
  return most->major - wanted->major;
}

// Armv9.n has everything of Armv8.(n+5).
std::optional<int> Arm64Rank(const Platform& host, const Platform& image) {
  const std::optional<Version> most = ParseVersion(host.variant, 8);
  const std::optional<Version> wanted = ParseVersion(image.variant, 8);
  if (!most || !wanted) return std::nullopt;
  if (image.architecture == "arm") {
    const bool runs = wanted->minor == 0 && wanted->major >= 5 && wanted->major <= 8;
    return runs ? std::make_optional(kForeignRank + 8 - wanted->major) : std::nullopt;
  }
  if (image.architecture != "arm64") return std::nullopt;
  if (wanted->major == most->major && wanted->minor <= most->minor) return most->minor - wanted->minor;
  const int equivalent = most->minor + 5;
  if (most->major != 9 || wanted->major != 8 || wanted->minor > equivalent) return std::nullopt;
  return most->minor + 1 + equivalent - wanted->minor;
}

void NormalizeArm(Platform* platform) {
  std::string& variant = platform->variant;
  if (platform->architecture == "armhf") variant = "v7";
  if (platform->architecture == "armel") variant = "v6";
  platform->architecture = "arm";
  if (variant.empty()) variant = "v7";
  if (variant.size() == 1 && variant[0] >= '5' && variant[0] <= '8') variant.insert(0, "v");
}

void NormalizeArm64(Platform* platform) {
  std::string& variant = platform->variant;
  platform->architecture = "arm64";
  if (variant == "8" || variant == "v8" || variant == "v8.0") variant.clear();
  if (variant == "9" || variant == "9.0" || variant == "v9.0") variant = "v9";
}

}  // namespace

std::string Amd64Variant(absl::string_view cpuinfo) {
  return HighestVariant(Amd64Levels(), WordsOf(cpuinfo, "flags"));
}

std::string Arm64Variant(absl::string_view cpuinfo) {
  const std::set<absl::string_view> features = WordsOf(cpuinfo, "Features");
  const std::string variant = HighestVariant(Arm64Levels(), features);
  if (features.count("sve2") == 0) return variant;
  return variant == "v8.6" ? "v9.1" : variant == "v8.5" ? "v9" : variant;
}

Platform HostPlatform() {
  static const auto* const host = [] {
    const std::string cpuinfo = ReadFileAt(AT_FDCWD, "/proc/cpuinfo", kCpuinfoLimit).value_or("");
#if defined(__x86_64__)
    return new Platform{"linux", "amd64", Amd64Variant(cpuinfo)};
#elif defined(__aarch64__)
    return new Platform{"linux", "arm64", Arm64Variant(cpuinfo)};
#else
#error "say here what Go calls this architecture"
#endif
  }();
  return *host;
}

Platform Normalized(const Platform& platform) {
  Platform normal = platform;
  absl::AsciiStrToLower(&normal.os);
  absl::AsciiStrToLower(&normal.architecture);
  absl::AsciiStrToLower(&normal.variant);
  if (normal.os.empty()) normal.os = "linux";
  const std::string& architecture = normal.architecture;
  if (architecture == "i386") {
    normal.architecture = "386";
    normal.variant.clear();
  } else if (architecture == "x86_64" || architecture == "x86-64" || architecture == "amd64") {
    normal.architecture = "amd64";
    if (normal.variant == "v1") normal.variant.clear();
  } else if (architecture == "aarch64" || architecture == "arm64") {
    NormalizeArm64(&normal);
  } else if (architecture == "arm" || architecture == "armhf" || architecture == "armel") {
    NormalizeArm(&normal);
  }
  return normal;
}

std::optional<int> PlatformRank(const Platform& host, const Platform& platform) {
  const Platform image = Normalized(platform);
  if (image.os != host.os || image.needs_features) return std::nullopt;
  if (host.architecture == "amd64") return Amd64Rank(host, image);
  if (host.architecture == "arm64") return Arm64Rank(host, image);
  return std::nullopt;
}

std::string Describe(const Platform& platform) {
  if (platform.os.empty() && platform.architecture.empty()) return "unnamed";
  const std::string name = absl::StrCat(platform.os.empty() ? "linux" : platform.os, "/", platform.architecture);
  return absl::CHexEscape(platform.variant.empty() ? name : absl::StrCat(name, "/", platform.variant)).substr(0, 64);
}

}  // namespace crisp
