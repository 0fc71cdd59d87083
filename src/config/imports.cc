#include "config/imports.h"

#include <glob.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

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

}  // namespace crisp
