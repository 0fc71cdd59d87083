#include "config/imports.h"

#include <glob.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace crisp {
namespace {

// For glob(3), which goes on after a 0. A directory that is not there has no files.
int StopUnlessMissing(const char*, int error) {
  return error != ENOENT && error != ENOTDIR;
}

class GlobResult {
 public:
  explicit GlobResult(const std::string& pattern) : code_(glob(pattern.c_str(), 0, StopUnlessMissing, &found_)) {}
  ~GlobResult() { globfree(&found_); }
  GlobResult(const GlobResult&) = delete;
  GlobResult& operator=(const GlobResult&) = delete;

  bool ok() const { return code_ == 0 || code_ == GLOB_NOMATCH; }
  std::vector<ImportedFile> Files() const {
    std::vector<ImportedFile> files;
    for (size_t i = 0; i < found_.gl_pathc; ++i) files.push_back({found_.gl_pathv[i], true});
    return files;
  }

 private:
  glob_t found_ = {};
  int code_;
};

}  // namespace

absl::StatusOr<std::vector<ImportedFile>> FindImports(const std::string& importer, const std::string& pattern) {
  const std::string path = (std::filesystem::path(importer).parent_path() / pattern).lexically_normal();
  if (!absl::StrContains(path, "*")) return std::vector<ImportedFile>{{path, false}};
  const GlobResult result(path);
  if (result.ok()) return result.Files();
  return absl::InvalidArgumentError(absl::StrCat("look for ", path, ": ", strerror(errno)));
}

std::string IdentityOfFile(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  return error ? path : real.string();
}

absl::Status ImportGraph::Add(const std::string& importer, const std::string& file) {
  const std::string from = IdentityOfFile(importer);
  const std::string to = IdentityOfFile(file);
  paths_.emplace(from, importer);
  paths_.emplace(to, file);
  std::vector<std::string> way = Way(to, from);
  imports_[from].push_back(to);
  if (way.empty()) return absl::OkStatus();
  for (std::string& identity : way) identity = paths_.at(identity);
  return absl::InvalidArgumentError(
      absl::StrCat("the files import each other: ", absl::StrJoin(way, " -> "), " -> ", file));
}

// Without the edges that Add refuses there is no cycle, so this ends.
std::vector<std::string> ImportGraph::Way(const std::string& file, const std::string& target) const {
  if (file == target) return {file};
  const auto found = imports_.find(file);
  if (found == imports_.end()) return {};
  for (const std::string& next : found->second) {
    std::vector<std::string> way = Way(next, target);
    if (way.empty()) continue;
    way.insert(way.begin(), file);
    return way;
  }
  return {};
}

}  // namespace crisp
