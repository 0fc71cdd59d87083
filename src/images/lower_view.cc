#include "images/lower_view.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

// The result of looking up a path in one layer.
enum class Verdict {
  kSilent,  // the layer does not have it: look into the layer below
  kHidden,  // the layer hides it
  kFound,
};

// Sets `opaque` if a directory on the path hides its contents in the layers below.
absl::StatusOr<Verdict> FindIn(const std::string& layer, absl::Span<const std::string> path, LowerFile* file,
                               bool* opaque) {
  ASSIGN_OR_RETURN(Fd dir, OpenAt(AT_FDCWD, layer, O_RDONLY | O_DIRECTORY));
  for (size_t i = 0; i < path.size(); ++i) {
    ASSIGN_OR_RETURN(const bool hides, HasMark(dir.get(), kOpaqueXattr, path[i]));
    *opaque = *opaque || hides;
    struct stat info {};
    if (fstatat(dir.get(), path[i].c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return Verdict::kSilent;
      return ErrnoStatus(errno, absl::StrCat("stat ", path[i]));
    }
    if (IsWhiteout(info)) return Verdict::kHidden;
    if (i + 1 == path.size()) {
      *file = LowerFile{true, info, std::move(dir), path[i]};
      return Verdict::kFound;
    }
    if (!S_ISDIR(info.st_mode)) return Verdict::kHidden;
    ASSIGN_OR_RETURN(dir, OpenAt(dir.get(), path[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  }
  *file = LowerFile{true, {}, std::move(dir), "."};
  if (fstat(file->dir.get(), &file->info) != 0) return ErrnoStatus(errno, "stat the root of a layer");
  return Verdict::kFound;
}

// Moves from `names` those that the directory `dir` has, or hides.
absl::Status Settle(int dir, std::set<std::string>* names, std::vector<std::string>* visible) {
  for (auto name = names->begin(); name != names->end();) {
    struct stat info {};
    if (fstatat(dir, name->c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno != ENOENT) return ErrnoStatus(errno, absl::StrCat("stat ", *name));
      ++name;
      continue;
    }
    if (!IsWhiteout(info)) visible->push_back(*name);
    name = names->erase(name);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LowerFile> LowerView::Find(absl::Span<const std::string> path) const {
  for (const std::string& layer : layers_) {
    LowerFile file;
    bool opaque = false;
    ASSIGN_OR_RETURN(const Verdict verdict, FindIn(layer, path, &file, &opaque), "look into the layers below");
    if (verdict == Verdict::kFound) return file;
    if (verdict == Verdict::kHidden || opaque) break;
  }
  return LowerFile{};
}

absl::StatusOr<std::vector<std::string>> LowerView::Visible(absl::Span<const std::string> path,
                                                            std::set<std::string> names) const {
  std::vector<std::string> visible;
  for (const std::string& layer : layers_) {
    if (names.empty()) break;
    LowerFile file;
    bool opaque = false;
    ASSIGN_OR_RETURN(const Verdict verdict, FindIn(layer, path, &file, &opaque), "look into the layers below");
    if (verdict == Verdict::kHidden) break;
    if (verdict == Verdict::kFound) {
      if (!S_ISDIR(file.info.st_mode)) break;
      ASSIGN_OR_RETURN(const Fd dir, OpenAt(file.dir.get(), file.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      RETURN_IF_ERROR(Settle(dir.get(), &names, &visible));
      ASSIGN_OR_RETURN(const bool hides, HasMark(dir.get(), kOpaqueXattr, file.name));
      opaque = opaque || hides;
    }
    if (opaque) break;
  }
  return visible;
}

absl::StatusOr<std::string> ReadLinkAt(int dir, const std::string& name) {
  char target[PATH_MAX];
  const ssize_t size = readlinkat(dir, name.c_str(), target, sizeof(target));
  if (size < 0) return ErrnoStatus(errno, absl::StrCat("read link ", name));
  return std::string(target, static_cast<size_t>(size));
}

}  // namespace crisp
