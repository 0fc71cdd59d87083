// The part of LayerDirs that finds directories by their paths.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "images/layer_dirs.h"
#include "images/layer_limits.h"
#include "os/errno_status.h"

namespace crisp {
namespace {

// Pushes the components of a link's target, last first, onto the components that are still to be walked.
absl::Status PushTarget(absl::string_view target, std::vector<std::string>* todo) {
  const std::vector<std::string> components = absl::StrSplit(target, '/', absl::SkipEmpty());
  todo->insert(todo->end(), components.rbegin(), components.rend());
  if (todo->size() > kMostPathBytes) return absl::DataLossError("the path is too long after its links are followed");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LayerDirs::Dir*> LayerDirs::Resolve(const TarPath& path) {
  ASSIGN_OR_RETURN(Dir* const dir, Walk(path, Missing::kMake));
  RETURN_IF_ERROR(Materialise(dir));
  return dir;
}

// Null if a directory is missing and is not to be made.
absl::StatusOr<LayerDirs::Dir*> LayerDirs::Walk(const TarPath& path, Missing missing) {
  std::vector<std::string> todo(path.rbegin(), path.rend());
  Dir* at = &root_;
  int links = 0;
  while (!todo.empty()) {
    std::string name;
    name.swap(todo.back());
    todo.pop_back();
    if (name == ".") continue;
    if (name == "..") {
      if (at->parent_ != nullptr) at = at->parent_;
      continue;
    }
    ASSIGN_OR_RETURN(const Step step, StepInto(at, name, missing), name);
    if (step.dir != nullptr) {
      at = step.dir;
      continue;
    }
    if (step.link.empty()) return nullptr;
    if (++links > kMostLinksFollowed) return absl::DataLossError("the path goes through too many symbolic links");
    if (step.link.front() == '/') at = &root_;
    RETURN_IF_ERROR(PushTarget(step.link, &todo));
  }
  return at;
}

absl::StatusOr<LayerDirs::Dir*> LayerDirs::ResolveParent(const TarPath& path) {
  const size_t depth = path.size() - 1;
  if (last_parent_ != nullptr && last_path_.size() == depth &&
      std::equal(last_path_.rbegin(), last_path_.rend(), path.rbegin() + 1)) {
    return last_parent_;
  }
  last_parent_ = nullptr;
  TarPath parent(path.begin(), path.end() - 1);
  ASSIGN_OR_RETURN(Dir* const dir, Resolve(parent));
  last_path_ = std::move(parent);
  last_parent_ = dir;
  return dir;
}

absl::StatusOr<LayerDirs::Dir*> LayerDirs::FindParent(const TarPath& path) {
  TarPath parent(path.begin(), path.end() - 1);
  if (found_path_ == parent) return found_parent_;
  found_path_.reset();
  ASSIGN_OR_RETURN(found_parent_, Walk(parent, Missing::kLeave));
  found_path_ = std::move(parent);
  return found_parent_;
}

// What this layer, else those below, have under `name` in `at`.
absl::StatusOr<LowerFile> LayerDirs::Find(Dir* at, const std::string& name) {
  if (at->made_) {
    ASSIGN_OR_RETURN(const int fd, Open(at));
    struct stat info {};
    if (fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
      return LowerFile{true, info, Fd(fcntl(fd, F_DUPFD_CLOEXEC, 0)), name};
    }
    if (errno != ENOENT) return ErrnoStatus(errno, "stat");
  }
  return FindBelow(at, name);
}

absl::StatusOr<LayerDirs::Step> LayerDirs::StepInto(Dir* at, const std::string& name, Missing missing) {
  const bool make = missing == Missing::kMake;
  if (Dir* const child = at->Child(name)) return make || child->made_ || child->below_ ? Step{child, {}} : Step{};
  ASSIGN_OR_RETURN(const LowerFile file, Find(at, name));
  if (!file.exists) {
    if (!make) return Step{};
    ASSIGN_OR_RETURN(Dir* const dir, Add(at, name, DefaultDirMetadata()));
    return Step{dir, {}};
  }
  if (S_ISDIR(file.info.st_mode)) {
    ASSIGN_OR_RETURN(FileMetadata metadata, ReadMetadata(file.dir.get(), name, file.info));
    ASSIGN_OR_RETURN(Dir* const dir, Add(at, name, std::move(metadata)));
    dir->below_ = true;
    return Step{dir, {}};
  }
  if (!S_ISLNK(file.info.st_mode)) {
    if (!make) return Step{};
    return absl::DataLossError("the path goes through something that is not a directory");
  }
  ASSIGN_OR_RETURN(std::string target, ReadLinkAt(file.dir.get(), name));
  if (target.empty()) return absl::DataLossError("the path goes through an empty symbolic link");
  return Step{nullptr, std::move(target)};
}

absl::StatusOr<const LowerView*> LayerDirs::lower_view() {
  if (!lower_view_.has_value()) {
    ASSIGN_OR_RETURN(lower_view_, below_());
  }
  return &*lower_view_;
}

absl::StatusOr<LowerFile> LayerDirs::FindBelow(const Dir* parent, const std::string& name) {
  if (IsHidden(parent) || parent->hidden_.contains(name)) return LowerFile{};
  TarPath path = PathOf(parent);
  path.push_back(name);
  ASSIGN_OR_RETURN(const LowerView* const view, lower_view());
  return view->Find(path);
}

}  // namespace crisp
