#include "runtime/selinux.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "os/file.h"
#include "runtime/field_error.h"

namespace crisp {
namespace {

constexpr const char* kMounted = "/sys/fs/selinux/enforce";
constexpr const char* kSettings = "/etc/selinux/config";
constexpr size_t kMaxFile = 1 << 16;
constexpr const char* kPrivilegedType = "spc_t";
constexpr uint32_t kMostCategories = 1024;

// "c12" as 12.
bool ConsumeNumbered(absl::string_view* text, char letter, size_t most_digits) {
  if (text->empty() || text->front() != letter) return false;
  size_t digits = 0;
  while (digits + 1 < text->size() && absl::ascii_isdigit((*text)[digits + 1])) ++digits;
  if (digits == 0 || digits > most_digits) return false;
  text->remove_prefix(digits + 1);
  return true;
}

bool IsCategories(absl::string_view text) {
  for (absl::string_view range : absl::StrSplit(text, ',')) {
    if (!ConsumeNumbered(&range, 'c', 4)) return false;
    if (absl::ConsumePrefix(&range, ".") && !ConsumeNumbered(&range, 'c', 4)) return false;
    if (!range.empty()) return false;
  }
  return true;
}

bool IsName(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-'; });
}

absl::Status CheckName(const std::string& text, absl::string_view field, absl::string_view part) {
  if (IsName(text)) return absl::OkStatus();
  return InvalidField(absl::StrCat(field, ".", part), "has a character that no part of an SELinux label has");
}

// A label's four parts; the level has colons of its own.
std::vector<std::string> Parts(const std::string& label) {
  std::vector<std::string> parts = absl::StrSplit(label, absl::MaxSplits(':', 3));
  parts.resize(4);
  return parts;
}

std::string Label(const std::vector<std::string>& parts) {
  std::vector<std::string> given = parts;
  if (given.back().empty()) given.pop_back();  // a policy without levels
  return absl::StrJoin(given, ":");
}

void Replace(std::string* part, const std::string& asked) {
  if (!asked.empty()) *part = asked;
}

// `key = "value"` of the contexts file, `KEY=value` of the settings.
std::string ValueOf(absl::string_view text, absl::string_view key) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!absl::ConsumePrefix(&line, key)) continue;
    line = absl::StripAsciiWhitespace(line);
    if (!absl::ConsumePrefix(&line, "=")) continue;
    line = absl::StripAsciiWhitespace(line);
    absl::ConsumePrefix(&line, "\"");
    absl::ConsumeSuffix(&line, "\"");
    return std::string(line);
  }
  return "";
}

}  // namespace

bool IsSelinuxLevel(absl::string_view level) {
  if (!ConsumeNumbered(&level, 's', 2)) return false;
  if (absl::ConsumePrefix(&level, "-") && !ConsumeNumbered(&level, 's', 2)) return false;
  return level.empty() || (absl::ConsumePrefix(&level, ":") && IsCategories(level));
}

absl::Status CheckSelinux(const cri::SELinuxOption& options, absl::string_view field) {
  RETURN_IF_ERROR(CheckName(options.user(), field, "user"));
  RETURN_IF_ERROR(CheckName(options.role(), field, "role"));
  RETURN_IF_ERROR(CheckName(options.type(), field, "type"));
  if (options.level().empty() || IsSelinuxLevel(options.level())) return absl::OkStatus();
  return InvalidField(absl::StrCat(field, ".level"),
                      absl::StrCat("\"", options.level(), "\" is not a level like s0:c1,c2"));
}

SelinuxLabels LabelsFor(const SelinuxLabels& node, const cri::SELinuxOption& options, const std::string& level,
                        bool privileged) {
  if (node.process.empty()) return {};
  std::vector<std::string> process = Parts(node.process);
  std::vector<std::string> file = Parts(node.file);
  Replace(&file[3], level);
  Replace(&file[0], options.user());
  Replace(&file[3], options.level());
  if (privileged) {
    process[2] = kPrivilegedType;
    return {Label(process), Label(file)};
  }
  process[3] = file[3];
  Replace(&process[0], options.user());
  Replace(&process[1], options.role());
  Replace(&process[2], options.type());
  return {Label(process), Label(file)};
}

absl::Status CheckRelabel(absl::string_view path, absl::string_view field) {
  static constexpr std::array<absl::string_view, 27> kOfTheNode = {
      "/",     "/bin", "/boot",  "/dev",   "/etc", "/etc/passwd", "/etc/pki", "/etc/shadow", "/etc/ssl",
      "/home", "/lib", "/lib64", "/media", "/mnt", "/opt",        "/proc",    "/root",       "/run",
      "/sbin", "/srv", "/sys",   "/tmp",   "/usr", "/var",        "/var/lib", "/var/log",    "/var/tmp"};
  if (std::find(kOfTheNode.begin(), kOfTheNode.end(), path) == kOfTheNode.end()) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(path, " belongs to the node, and its files must keep their SELinux labels"));
}

absl::StatusOr<SelinuxLabels> ParseSelinuxContexts(absl::string_view text) {
  SelinuxLabels labels{ValueOf(text, "process"), ValueOf(text, "file")};
  for (const std::string& label : {labels.process, labels.file}) {
    const std::vector<std::string> parts = Parts(label);
    const bool whole = !parts[0].empty() && !parts[1].empty() && !parts[2].empty();
    const bool clean = IsName(parts[0]) && IsName(parts[1]) && IsName(parts[2]);
    if (whole && clean && (parts[3].empty() || IsSelinuxLevel(parts[3]))) continue;
    return absl::InternalError(absl::StrCat("the policy's labels of containers: \"", label, "\" is not a label"));
  }
  return labels;
}

absl::StatusOr<std::string> NewSelinuxLevel(uint32_t range, const std::set<std::string>& taken, uint32_t (*random)()) {
  range = std::min(range, kMostCategories);
  if (range < 2) return absl::ResourceExhaustedError("selinux_category_range leaves no two categories for a pod");
  const uint32_t pairs = range * (range - 1) / 2;
  const uint32_t start = random() % pairs;
  for (uint32_t i = 0; i < pairs; ++i) {
    // The n-th pair (low, high) in the order of `high`.
    uint32_t rest = (start + i) % pairs;
    uint32_t high = 1;
    while (rest >= high) rest -= high++;
    const std::string level = absl::StrCat("s0:c", rest, ",c", high);
    if (taken.count(level) == 0) return level;
  }
  return absl::ResourceExhaustedError(
      "every pair of SELinux categories is in use by a pod; raise selinux_category_range");
}

absl::StatusOr<SelinuxLabels> HostSelinuxLabels() {
  if (!Exists(kMounted)) return SelinuxLabels{};
  ASSIGN_OR_RETURN(const std::string settings, ReadFileAt(AT_FDCWD, kSettings, kMaxFile));
  const std::string policy = ValueOf(settings, "SELINUXTYPE");
  if (policy.empty() || !IsName(policy)) return absl::InternalError(absl::StrCat(kSettings, " names no policy"));
  ASSIGN_OR_RETURN(const std::string contexts,
                   ReadFileAt(AT_FDCWD, absl::StrCat("/etc/selinux/", policy, "/contexts/lxc_contexts"), kMaxFile));
  return ParseSelinuxContexts(contexts);
}

}  // namespace crisp
