// Who a process runs as decides what it may touch, so nothing is guessed here: a name that is not found is an error,
// and a number is never looked up as a name (CVE-2024-40635 began with one that was too large).
#include "runtime/user.h"

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "runtime/field_error.h"
#include "runtime/message_check.h"
#include "runtime/passwd.h"

namespace crisp {
namespace {

constexpr const char* kContext = "config.linux.security_context";
constexpr int64_t kMaxId = int64_t{UINT32_MAX} - 1;
constexpr size_t kMaxGroups = 65536;  // NGROUPS_MAX: setgroups(2) takes no more

// Who is asked for, before any look-up. A name or a number each; of the group perhaps neither.
struct Wanted {
  std::string user;
  std::string group;
  std::string user_source;  // for error messages: the field, or the image's USER
  std::string group_source;
};

struct Accounts {
  std::string passwd;
  std::string group;
};

bool IsNumber(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

absl::StatusOr<uint32_t> ToId(int64_t value, absl::string_view field) {
  if (value < 0 || value > kMaxId) return InvalidField(field, absl::StrCat(value, " is not within 0 and ", kMaxId));
  return static_cast<uint32_t>(value);
}

absl::StatusOr<Wanted> FromImage(const std::string& text) {
  Wanted wanted{"0", "", "the image's USER", "the image's USER"};
  if (text.empty()) return wanted;
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() > 2 || parts[0].empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the image's USER \"", text, "\" is neither \"user\" nor \"user:group\""));
  }
  wanted.user = parts[0];
  if (parts.size() == 2) wanted.group = parts[1];
  return wanted;
}

absl::StatusOr<Wanted> FromUsername(const std::string& name) {
  const std::string field = absl::StrCat(kContext, ".run_as_username");
  if (name.find(':') != std::string::npos) return InvalidField(field, "a user's name has no ':'");
  return Wanted{name, "", field, ""};
}

absl::StatusOr<Wanted> FromRunAsUser(int64_t value) {
  const std::string field = absl::StrCat(kContext, ".run_as_user");
  ASSIGN_OR_RETURN(const uint32_t uid, ToId(value, field));
  return Wanted{absl::StrCat(uid), "", field, ""};
}

absl::StatusOr<Wanted> WhoIsWanted(const cri::LinuxContainerSecurityContext& security, const ImageConfig& image) {
  const bool named = !security.run_as_username().empty();
  if (named && security.has_run_as_user()) {
    return InvalidField(absl::StrCat(kContext, ".run_as_username"), "run_as_user is given as well; give one of them");
  }
  absl::StatusOr<Wanted> wanted = named                        ? FromUsername(security.run_as_username())
                                  : security.has_run_as_user() ? FromRunAsUser(security.run_as_user().value())
                                                               : FromImage(image.user);
  if (!wanted.ok() || !security.has_run_as_group()) return wanted;

  const std::string field = absl::StrCat(kContext, ".run_as_group");
  if (!named && !security.has_run_as_user()) {
    return InvalidField(field, "a group without run_as_user or run_as_username");
  }
  ASSIGN_OR_RETURN(const uint32_t gid, ToId(security.run_as_group().value(), field));
  wanted->group = absl::StrCat(gid);
  wanted->group_source = field;
  return wanted;
}

absl::Status NotAnId(absl::string_view source, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(source, ": ", text, " is not within 0 and ", kMaxId));
}

absl::Status NotFoundIn(absl::string_view file, absl::string_view source, absl::string_view name) {
  return absl::InvalidArgumentError(absl::StrCat(source, ": no \"", name, "\" in ", file, " of the image"));
}

// The entry of the user; for a number without an entry, one with gid 0 and no name, as Docker has it.
absl::StatusOr<PasswdEntry> FindEntry(const Wanted& wanted, absl::string_view passwd) {
  if (IsNumber(wanted.user)) {
    const std::optional<uint32_t> uid = ParseId(wanted.user);
    if (!uid) return NotAnId(wanted.user_source, wanted.user);
    return FindUserById(passwd, *uid).value_or(PasswdEntry{"", *uid, 0, "/"});
  }
  const std::optional<PasswdEntry> entry = FindUserByName(passwd, wanted.user);
  if (!entry) return NotFoundIn("/etc/passwd", wanted.user_source, wanted.user);
  return *entry;
}

absl::StatusOr<uint32_t> FindGid(const Wanted& wanted, const PasswdEntry& entry, absl::string_view group) {
  if (wanted.group.empty()) return entry.gid;
  if (IsNumber(wanted.group)) {
    const std::optional<uint32_t> gid = ParseId(wanted.group);
    if (!gid) return NotAnId(wanted.group_source, wanted.group);
    return *gid;
  }
  const std::optional<uint32_t> gid = FindGroup(group, wanted.group);
  if (!gid) return NotFoundIn("/etc/group", wanted.group_source, wanted.group);
  return *gid;
}

// In the order of adding, each once. An image can list a user in 10^5 groups, so "is it there?" must be cheap.
class GroupList {
 public:
  void Add(uint32_t gid) {
    if (seen_.insert(gid).second) gids_.push_back(gid);
  }
  size_t size() const { return gids_.size(); }
  std::vector<uint32_t> Take() && { return std::move(gids_); }

 private:
  std::unordered_set<uint32_t> seen_;
  std::vector<uint32_t> gids_;
};

absl::StatusOr<std::vector<uint32_t>> AllGroups(const cri::LinuxContainerSecurityContext& security, uint32_t primary,
                                                absl::string_view user, absl::string_view group) {
  GroupList gids;
  gids.Add(primary);
  if (security.supplemental_groups_policy() == cri::Merge && !user.empty()) {
    const std::vector<uint32_t> of_image = GroupsOf(group, user);
    for (uint32_t gid : of_image) gids.Add(gid);
  }
  for (int i = 0; i < security.supplemental_groups_size(); ++i) {
    const std::string field = absl::StrCat(kContext, ".supplemental_groups[", i, "]");
    ASSIGN_OR_RETURN(const uint32_t gid, ToId(security.supplemental_groups(i), field));
    gids.Add(gid);
  }
  if (gids.size() > kMaxGroups) {
    return InvalidField(absl::StrCat(kContext, ".supplemental_groups"),
                        absl::StrCat(gids.size(), " groups with those of the image, the kernel takes ", kMaxGroups));
  }
  return std::move(gids).Take();
}

absl::StatusOr<std::string> HomeOf(const PasswdEntry& entry) {
  // A newline in it would be a second line to whoever prints the environment (CRI-O's CVE-2022-4318).
  if (HasControlCharacter(entry.home) || !IsUtf8(entry.home)) {
    return absl::InvalidArgumentError(
        absl::StrCat("/etc/passwd of the image: the home directory of uid ", entry.uid, " has control characters"));
  }
  return entry.home.empty() ? "/" : entry.home;
}

}  // namespace

absl::StatusOr<ResolvedUser> ResolveUser(int rootfs, const cri::LinuxContainerSecurityContext& security,
                                         const ImageConfig& image) {
  ASSIGN_OR_RETURN(const Wanted wanted, WhoIsWanted(security, image));
  Accounts accounts;
  ASSIGN_OR_RETURN(accounts.passwd, ReadAccountFile(rootfs, "/etc/passwd"));
  ASSIGN_OR_RETURN(accounts.group, ReadAccountFile(rootfs, "/etc/group"));

  ASSIGN_OR_RETURN(const PasswdEntry entry, FindEntry(wanted, accounts.passwd));
  ResolvedUser user;
  user.uid = entry.uid;
  ASSIGN_OR_RETURN(user.gid, FindGid(wanted, entry, accounts.group));
  ASSIGN_OR_RETURN(user.additional_gids, AllGroups(security, user.gid, entry.name, accounts.group));
  ASSIGN_OR_RETURN(user.home, HomeOf(entry));
  return user;
}

}  // namespace crisp
