#include "images/testing/tree_listing.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <climits>
#include <fstream>
#include <sstream>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "images/digest.h"
#include "os/file.h"

namespace crisp {
namespace {

std::string Attributes(const std::string& path) {
  std::string names(1 << 16, '\0'), line;
  const ssize_t size = llistxattr(path.c_str(), names.data(), names.size());
  names.resize(size < 0 ? 0 : static_cast<size_t>(size));
  std::map<std::string, std::string> sorted;
  for (const absl::string_view name : absl::StrSplit(names, '\0', absl::SkipEmpty())) {
    std::string value(1 << 16, '\0');
    const ssize_t length = lgetxattr(path.c_str(), std::string(name).c_str(), value.data(), value.size());
    value.resize(length < 0 ? 0 : static_cast<size_t>(length));
    sorted[std::string(name)] = value;
  }
  for (const auto& [name, value] : sorted) absl::StrAppend(&line, " ", name, "=", absl::CHexEscape(value));
  return line;
}

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  const std::string bytes = content.str();
  return bytes.size() <= 64 ? absl::StrCat("\"", absl::CHexEscape(bytes), "\"") : DigestOf(bytes);
}

struct Lister {
  std::string root;
  bool directory_times;
  std::map<ino_t, std::string> first_names;
  std::map<std::string, std::string> lines;

  void Visit(const std::string& name) {
    const std::string path = name.empty() ? root : absl::StrCat(root, "/", name);
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0) return;
    std::string line = absl::StrFormat("%06o %d:%d", info.st_mode, info.st_uid, info.st_gid);
    if (!S_ISDIR(info.st_mode) || directory_times) {
      absl::StrAppend(&line, " ", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec);
    }
    if (S_ISREG(info.st_mode)) absl::StrAppend(&line, " ", info.st_size, " ", Content(path));
    if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) {
      absl::StrAppend(&line, " ", major(info.st_rdev), ",", minor(info.st_rdev));
    }
    if (S_ISLNK(info.st_mode)) {
      char target[PATH_MAX] = {};
      if (readlink(path.c_str(), target, sizeof(target) - 1) > 0) absl::StrAppend(&line, " -> ", target);
    }
    if (!S_ISDIR(info.st_mode) && info.st_nlink > 1) {
      const auto first = first_names.emplace(info.st_ino, name);
      if (!first.second) absl::StrAppend(&line, " = ", first.first->second);
    }
    lines[name] = line + Attributes(path);
    if (!S_ISDIR(info.st_mode)) return;
    for (const std::string& child : ListDir(path).value_or(std::vector<std::string>())) {
      Visit(name.empty() ? child : absl::StrCat(name, "/", child));
    }
  }
};

}  // namespace

std::map<std::string, std::string> ListTree(const std::string& root, bool directory_times) {
  Lister lister{root, directory_times, {}, {}};
  lister.Visit("");
  return std::move(lister.lines);
}

}  // namespace crisp
