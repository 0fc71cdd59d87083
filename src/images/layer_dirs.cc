#include "images/layer_dirs.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "images/layer_limits.h"
#include "os/errno_status.h"
#include "os/remove_tree.h"

namespace crisp {
namespace {

constexpr size_t kMostOpenDirs = 32;

size_t BytesOf(const Xattrs& xattrs) {
  size_t bytes = 0;
  for (const auto& [name, value] : xattrs) bytes += name.size() + value.size();
  return bytes;
}

absl::StatusOr<Fd> OpenBeneath(int dir, const std::string& path) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  for (int attempt = 0; attempt < 32; ++attempt) {
    Fd fd(static_cast<int>(syscall(SYS_openat2, dir, path.c_str(), &how, sizeof(how))));
    if (fd.valid()) return fd;
    if (errno != EAGAIN && errno != EINTR) break;
  }
  return ErrnoStatus(errno, absl::StrCat("open directory ", path));
}

}  // namespace

absl::StatusOr<TarPath> ParseTarPath(absl::string_view path) {
  if (path.size() > kMostPathBytes) {
    return absl::DataLossError(absl::StrCat("the path is longer than ", kMostPathBytes, " bytes"));
  }
  TarPath components;
  for (const absl::string_view component : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (component == ".") continue;
    if (component == "..") {
      if (!components.empty()) components.pop_back();
      continue;
    }
    if (component.size() > kMostNameBytes) return absl::DataLossError("a name is longer than 255 bytes");
    components.emplace_back(component);
  }
  return components;
}

FileMetadata DefaultDirMetadata() {
  FileMetadata metadata;
  metadata.mode = 0755;
  return metadata;
}

LayerDirs::Dir* LayerDirs::Dir::Child(const std::string& name) const {
  const auto child = children_.find(name);
  return child == children_.end() ? nullptr : child->second.get();
}

LayerDirs::LayerDirs(Fd root, Below below) : below_(std::move(below)) {
  root_.fd_ = std::move(root);
  root_.made_ = true;
  root_.metadata_ = DefaultDirMetadata();
}

LayerDirs::~LayerDirs() = default;

bool LayerDirs::IsBelow(const Dir* dir, const Dir* ancestor) {
  if (ancestor == nullptr) return false;
  while (dir != nullptr && dir != ancestor) dir = dir->parent_;
  return dir == ancestor;
}

absl::StatusOr<int> LayerDirs::Open(Dir* dir) {
  std::vector<Dir*> chain;
  Dir* nearest = dir;
  for (; !nearest->fd_.valid(); nearest = nearest->parent_) chain.push_back(nearest);
  if (nearest != &root_) open_.splice(open_.end(), open_, nearest->open_at_);
  if (!chain.empty()) RETURN_IF_ERROR(OpenBelow(nearest, chain));
  return dir->fd_.get();
}

// `chain` leads from the directory to be opened up to the one below `nearest`. One system call for each PATH_MAX bytes
// of path, so nearly always one.
absl::Status LayerDirs::OpenBelow(Dir* nearest, const std::vector<Dir*>& chain) {
  Fd fd;
  std::string path;
  for (size_t i = chain.size(); i-- > 0;) {
    absl::StrAppend(&path, path.empty() ? "" : "/", chain[i]->name_);
    if (i > 0 && path.size() + 1 + chain[i - 1]->name_.size() <= kMostPathBytes) continue;
    ASSIGN_OR_RETURN(fd, OpenBeneath(fd.valid() ? fd.get() : nearest->fd_.get(), path));
    path.clear();
  }
  if (open_.size() >= kMostOpenDirs) {
    open_.front()->fd_.reset();
    open_.pop_front();
  }
  Dir* const dir = chain.front();
  dir->fd_ = std::move(fd);
  dir->open_at_ = open_.insert(open_.end(), dir);
  return absl::OkStatus();
}

// Adds the object only.
absl::StatusOr<LayerDirs::Dir*> LayerDirs::Add(Dir* parent, const std::string& name, FileMetadata metadata) {
  if (parent->depth_ >= kMostDepth) {
    return absl::ResourceExhaustedError(absl::StrCat("directories are nested more than ", kMostDepth, " deep"));
  }
  if (added_ >= kMostDirectories) {
    return absl::ResourceExhaustedError(absl::StrCat("has more than ", kMostDirectories, " directories"));
  }
  auto dir = std::make_unique<Dir>();
  dir->parent_ = parent;
  dir->name_ = name;
  dir->depth_ = parent->depth_ + 1;
  dir->pure_ = parent->pure_;
  if (parent->hidden_.contains(name)) dir->opaque_ = dir->pure_ = true;
  RETURN_IF_ERROR(Keep(dir.get(), std::move(metadata)));
  ++added_;
  found_path_.reset();
  return parent->children_.emplace(name, std::move(dir)).first->second.get();
}

absl::Status LayerDirs::Materialise(Dir* dir) {
  std::vector<Dir*> chain;
  for (; !dir->made_; dir = dir->parent_) chain.push_back(dir);
  for (size_t i = chain.size(); i-- > 0;) RETURN_IF_ERROR(MakeOnDisk(chain[i]));
  return absl::OkStatus();
}

absl::Status LayerDirs::MakeOnDisk(Dir* dir) {
  ASSIGN_OR_RETURN(const int fd, Open(dir->parent_));
  if (mkdirat(fd, dir->name_.c_str(), 0700) != 0) {
    return ErrnoStatus(errno, absl::StrCat("make directory ", dir->name_));
  }
  dir->made_ = true;
  dir->parent_->hidden_.erase(dir->name_);
  ++made_;
  return absl::OkStatus();
}

absl::Status LayerDirs::Keep(Dir* dir, FileMetadata metadata) {
  kept_xattr_bytes_ += BytesOf(metadata.xattrs);
  kept_xattr_bytes_ -= BytesOf(dir->metadata_.xattrs);
  if (kept_xattr_bytes_ > kMostDirectoryXattrBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("its directories have more than ", kMostDirectoryXattrBytes,
                                                     " bytes of extended attributes together"));
  }
  dir->metadata_ = std::move(metadata);
  return absl::OkStatus();
}

absl::Status LayerDirs::Carry(Dir* parent, const std::string& name, FileMetadata metadata) {
  Dir* dir = parent->Child(name);
  if (dir == nullptr) {
    ASSIGN_OR_RETURN(dir, Add(parent, name, DefaultDirMetadata()));
    if (absl::Status made = MakeOnDisk(dir); ErrnoOf(made) == EEXIST) {
      // In place of another entry of this tar, which hides the layers below.
      RETURN_IF_ERROR(Remove(parent, name));
      ASSIGN_OR_RETURN(dir, Add(parent, name, DefaultDirMetadata()));
      dir->opaque_ = dir->pure_ = true;
    } else if (!made.ok()) {
      return made;
    }
  }
  dir->carried_ = true;
  RETURN_IF_ERROR(Materialise(dir));
  return Keep(dir, std::move(metadata));
}

absl::Status LayerDirs::CarryRoot(FileMetadata metadata) {
  root_.metadata_ = std::move(metadata);
  root_carried_ = true;
  return absl::OkStatus();
}

void LayerDirs::NoteFile(Dir* parent, const std::string& name) {
  ++parent->files_;
  parent->hidden_.erase(name);
  parent->children_.erase(name);  // one that is not on disk
  found_path_.reset();
}

void LayerDirs::NoteCopy(Dir* parent, const std::string& name) {
  --parent->files_;
  parent->copied_.insert(name);
}

absl::Status LayerDirs::Remove(Dir* parent, const std::string& name) {
  last_parent_ = nullptr;
  found_path_.reset();
  if (Dir* const dir = parent->Child(name)) {
    if (dir->made_) return Drop(parent, name);
    parent->children_.erase(name);
  }
  if (parent->copied_.erase(name) == 0) --parent->files_;
  ASSIGN_OR_RETURN(const int fd, Open(parent));
  return RemoveTreeAt(fd, name);
}

// Removes a directory with all that is in it.
absl::Status LayerDirs::Drop(Dir* parent, const std::string& name) {
  last_parent_ = nullptr;
  found_path_.reset();
  Dir* const dir = parent->Child(name);
  const bool made = dir->made_;
  CloseAll(dir);
  parent->children_.erase(name);
  if (!made) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int fd, Open(parent));
  return RemoveTreeAt(fd, name);
}

void LayerDirs::CloseAll(Dir* dir) {
  std::vector<Dir*> todo = {dir};
  while (!todo.empty()) {
    Dir* const next = todo.back();
    todo.pop_back();
    if (next->fd_.valid()) open_.erase(next->open_at_);
    next->fd_.reset();
    for (const auto& [name, child] : next->children_) todo.push_back(child.get());
  }
}

absl::Status LayerDirs::Finish() {
  RETURN_IF_ERROR(PlaceWhiteouts());
  std::vector<Dir*> todo = {&root_};
  while (!todo.empty()) {
    Dir* const dir = todo.back();
    todo.pop_back();
    ASSIGN_OR_RETURN(const int fd, Open(dir));
    if (dir->opaque_) RETURN_IF_ERROR(SetXattr(fd, std::string(kOpaqueXattr), "y", dir->name_));
    RETURN_IF_ERROR(ApplyMetadata(fd, dir->metadata_, dir->name_));
    for (const auto& [name, child] : dir->children_) {
      if (child->made_) todo.push_back(child.get());
    }
  }
  return absl::OkStatus();
}

}  // namespace crisp
