// The part of LayerDirs that is about whiteouts and opaque directories.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "images/layer_dirs.h"
#include "images/layer_limits.h"
#include "os/errno_status.h"
#include "os/remove_tree.h"

namespace crisp {
namespace {

constexpr size_t kBytesPerWhiteout = 80;  // in memory, besides the name

}  // namespace

// True if nothing of the layers below can be seen in `dir`.
bool LayerDirs::IsHidden(const Dir* dir) {
  while (dir != nullptr && !dir->opaque_) dir = dir->parent_;
  return dir != nullptr;
}

TarPath LayerDirs::PathOf(const Dir* dir) {
  TarPath path;
  for (; dir->parent_ != nullptr; dir = dir->parent_) path.push_back(dir->name_);
  std::reverse(path.begin(), path.end());
  return path;
}

absl::Status LayerDirs::MakeOpaque(Dir* dir) {
  last_parent_ = nullptr;
  found_path_.reset();
  RETURN_IF_ERROR(Purge(dir, true).status());
  dir->opaque_ = true;
  return absl::OkStatus();
}

absl::Status LayerDirs::WhiteOut(Dir* parent, const std::string& name) {
  if (Dir* const dir = parent->Child(name)) {
    ASSIGN_OR_RETURN(const bool own, Purge(dir, false));
    if (own) {
      dir->opaque_ = true;
      return dir->carried_ ? absl::OkStatus() : Keep(dir, DefaultDirMetadata());
    }
    RETURN_IF_ERROR(Drop(parent, name));
  } else if (parent->made_) {
    ASSIGN_OR_RETURN(const bool removed, RemoveCopy(parent, name));
    if (!removed && parent->files_ > 0) {
      ASSIGN_OR_RETURN(const int fd, Open(parent));
      struct stat info {};
      if (fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return absl::OkStatus();
      if (errno != ENOENT) return ErrnoStatus(errno, "stat");
    }
  }
  if (IsHidden(parent) || !parent->hidden_.insert(name).second) return absl::OkStatus();
  whiteout_bytes_ += name.size() + kBytesPerWhiteout;
  if (whiteout_bytes_ > kMostWhiteoutBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("its whiteouts take more than ", kMostWhiteoutBytes, " bytes"));
  }
  return absl::OkStatus();
}

// Returns whether `name` was a copy from the layers below.
absl::StatusOr<bool> LayerDirs::RemoveCopy(Dir* parent, const std::string& name) {
  const auto copied = parent->copied_.extract(name);  // `name` may be the set's own
  if (copied.empty()) return false;
  found_path_.reset();
  ASSIGN_OR_RETURN(const int fd, Open(parent));
  RETURN_IF_ERROR(RemoveTreeAt(fd, copied.value()));
  return true;
}

// Leaves in `top` only what is of the tar, and returns true. If there is nothing of it, and `top` itself is not and
// need not be kept, does nothing and returns false. A directory is visited at most once until it is removed or pure, so
// that no sequence of whiteouts takes longer than the tar is long.
absl::StatusOr<bool> LayerDirs::Purge(Dir* top, bool keep) {
  std::vector<Dir*> dirs = {top};  // parents before children
  for (size_t i = 0; i < dirs.size(); ++i) {
    Dir* const dir = dirs[i];
    dir->own_ = dir->carried_ || dir->files_ > 0 || (dir->pure_ && dir->made_);
    if (dir->pure_) continue;
    for (const auto& [name, child] : dir->children_) dirs.push_back(child.get());
  }
  for (size_t i = dirs.size(); i-- > 1;) {
    if (dirs[i]->own_) dirs[i]->parent_->own_ = true;
  }
  if (keep) top->own_ = true;
  if (!top->own_) return false;
  last_parent_ = nullptr;
  found_path_.reset();
  // From the bottom up, so that no directory is looked at after it was removed with its parent's contents.
  for (size_t i = dirs.size(); i-- > 0;) {
    Dir* const dir = dirs[i];
    if (!dir->own_) continue;
    if (!dir->pure_) RETURN_IF_ERROR(PurgeContents(dir));
    if (i > 0 && !dir->carried_) RETURN_IF_ERROR(Keep(dir, DefaultDirMetadata()));
  }
  return true;
}

absl::Status LayerDirs::PurgeContents(Dir* dir) {
  while (!dir->copied_.empty()) RETURN_IF_ERROR(RemoveCopy(dir, *dir->copied_.begin()).status());
  dir->hidden_.clear();
  std::vector<std::string> foreign;
  for (const auto& [name, child] : dir->children_) {
    if (!child->own_) foreign.push_back(name);
  }
  for (const std::string& name : foreign) RETURN_IF_ERROR(Drop(dir, name));
  dir->pure_ = true;
  return absl::OkStatus();
}

absl::Status LayerDirs::PlaceWhiteouts() {
  std::vector<Dir*> todo = {&root_};
  while (!todo.empty()) {
    Dir* const dir = todo.back();
    todo.pop_back();
    if (dir->opaque_ && dir->below_) RETURN_IF_ERROR(Materialise(dir));
    if (!dir->hidden_.empty()) RETURN_IF_ERROR(PlaceWhiteoutsIn(dir), "whiteouts in ", dir->name_);
    for (const auto& [name, child] : dir->children_) todo.push_back(child.get());
  }
  return absl::OkStatus();
}

// Only where the layers below have the name: in a directory that is in one layer alone, overlayfs lists a whiteout as
// an entry, which then cannot be found.
absl::Status LayerDirs::PlaceWhiteoutsIn(Dir* dir) {
  ASSIGN_OR_RETURN(const LowerView* const view, lower_view());
  ASSIGN_OR_RETURN(const std::vector<std::string> hidden, view->Visible(PathOf(dir), std::move(dir->hidden_)));
  for (const std::string& name : hidden) {
    RETURN_IF_ERROR(Materialise(dir));
    ASSIGN_OR_RETURN(const int fd, Open(dir));
    if (mknodat(fd, name.c_str(), S_IFCHR, 0) != 0) return ErrnoStatus(errno, absl::StrCat("make whiteout ", name));
    ++whiteouts_;
  }
  return absl::OkStatus();
}

}  // namespace crisp
