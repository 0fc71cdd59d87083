#include "runtime/passwd.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/fd.h"
#include "os/file.h"

namespace crisp {
namespace {

using Fields = std::vector<absl::string_view>;

// name:password:uid:gid:comment:home:shell and name:password:gid:members. Images are written by all sorts of tools,
// some of which leave off what is empty at the end.
constexpr int kPasswdFields = 7;
constexpr int kPasswdNeeded = 4;
constexpr int kGroupFields = 4;
constexpr int kGroupNeeded = 3;

// Calls `visit` with the `count` fields of each line that has at least `needed`, until it says true.
template <typename Visit>
void ForEachEntry(absl::string_view text, int needed, int count, Visit visit) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const absl::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    Fields fields = absl::StrSplit(line, absl::MaxSplits(':', count - 1));
    if (fields.size() < static_cast<size_t>(needed) || fields[0].empty()) continue;
    fields.resize(static_cast<size_t>(count));
    if (visit(fields)) return;
  }
}

std::optional<PasswdEntry> ToUser(const Fields& fields) {
  const std::optional<uint32_t> uid = ParseId(fields[2]);
  const std::optional<uint32_t> gid = ParseId(fields[3]);
  if (!uid || !gid) return std::nullopt;
  return PasswdEntry{std::string(fields[0]), *uid, *gid, std::string(fields[5])};
}

template <typename Match>
std::optional<PasswdEntry> FindUser(absl::string_view passwd, Match match) {
  std::optional<PasswdEntry> found;
  ForEachEntry(passwd, kPasswdNeeded, kPasswdFields, [&](const Fields& fields) {
    std::optional<PasswdEntry> user = ToUser(fields);
    if (!user || !match(*user)) return false;
    found = std::move(user);
    return true;
  });
  return found;
}

bool HasMember(absl::string_view members, absl::string_view user) {
  for (absl::string_view member : absl::StrSplit(members, ',')) {
    if (member == user) return true;
  }
  return false;
}

}  // namespace

std::optional<uint32_t> ParseId(absl::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), absl::ascii_isdigit)) return std::nullopt;
  uint32_t id = 0;
  if (!absl::SimpleAtoi(text, &id) || id == UINT32_MAX) return std::nullopt;
  return id;
}

absl::StatusOr<std::string> ReadAccountFile(int rootfs, const std::string& path) {
  absl::StatusOr<Fd> place = OpenInRoot(rootfs, path, O_PATH);
  if (!place.ok()) {
    const int error = ErrnoOf(place.status());
    if (error == ENOENT || error == ENOTDIR) return std::string();
    if (error == ELOOP) return absl::InvalidArgumentError(absl::StrCat(path, " of the image: links in a circle"));
    return place.status();
  }
  struct stat info {};
  if (fstat(place->get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path, " of the image"));
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " of the image: not a regular file"));
  }
  if (info.st_size > static_cast<off_t>(kPasswdLimit)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " of the image: ", info.st_size, " bytes, more than the ",
                                                   kPasswdLimit, " that such a file may have"));
  }
  // By the descriptor, not by the name once more: it is the file that was looked at.
  ASSIGN_OR_RETURN(Fd file, OpenAt(AT_FDCWD, absl::StrCat("/proc/self/fd/", place->get()), O_RDONLY));
  return ReadFd(file.get(), kPasswdLimit, path);
}

std::optional<PasswdEntry> FindUserByName(absl::string_view passwd, absl::string_view name) {
  return FindUser(passwd, [&](const PasswdEntry& user) { return user.name == name; });
}

std::optional<PasswdEntry> FindUserById(absl::string_view passwd, uint32_t uid) {
  return FindUser(passwd, [&](const PasswdEntry& user) { return user.uid == uid; });
}

std::optional<uint32_t> FindGroup(absl::string_view group, absl::string_view name) {
  std::optional<uint32_t> found;
  ForEachEntry(group, kGroupNeeded, kGroupFields, [&](const Fields& fields) {
    if (fields[0] == name) found = ParseId(fields[2]);
    return found.has_value();
  });
  return found;
}

std::vector<uint32_t> GroupsOf(absl::string_view group, absl::string_view user) {
  std::vector<uint32_t> gids;
  ForEachEntry(group, kGroupNeeded, kGroupFields, [&](const Fields& fields) {
    const std::optional<uint32_t> gid = ParseId(fields[2]);
    if (gid && HasMember(fields[3], user)) gids.push_back(*gid);
    return false;
  });
  return gids;
}

}  // namespace crisp
