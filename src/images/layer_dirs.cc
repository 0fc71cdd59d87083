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

// The metadata of a directory that neither the tar nor a layer below describes. The time is fixed, so that all nodes
// unpack the same tree.
FileMetadata DefaultMetadata() {
  FileMetadata metadata;
  metadata.mode = 0755;
  return metadata;
}

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

// Pushes the components of a link's target, last first, onto the components that are still to be walked.
absl::Status PushTarget(absl::string_view target, std::vector<std::string>* todo) {
  const std::vector<std::string> components = absl::StrSplit(target, '/', absl::SkipEmpty());
  todo->insert(todo->end(), components.rbegin(), components.rend());
  if (todo->size() > kMostPathBytes) return absl::DataLossError("the path is too long after its links are followed");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TarPath> ParseTarPath(absl::string_view path) {
  if (path.size() > kMostPathBytes) {
    return absl::DataLossError(absl::StrCat("the path is longer than ", kMostPathBytes, " bytes"));
  }
  TarPath components;
  for (const absl::string_view component : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    if (component == ".") continue;
    if (component == "..") return absl::DataLossError("the path has \"..\" in it");
    if (component.size() > kMostNameBytes) return absl::DataLossError("a name is longer than 255 bytes");
    components.emplace_back(component);
  }
  return components;
}

LayerDirs::Dir* LayerDirs::Dir::Child(const std::string& name) const {
  const auto child = children_.find(name);
  return child == children_.end() ? nullptr : child->second.get();
}

LayerDirs::LayerDirs(Fd root, Below below) : below_(std::move(below)) {
  root_.fd_ = std::move(root);
  root_.metadata_ = DefaultMetadata();
}

LayerDirs::~LayerDirs() = default;

absl::StatusOr<LayerDirs::Dir*> LayerDirs::Resolve(const TarPath& path) {
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
    if (Dir* child = at->Child(name)) {
      at = child;
      continue;
    }
    ASSIGN_OR_RETURN(const Step step, StepInto(at, name), name);
    if (step.dir != nullptr) {
      at = step.dir;
      continue;
    }
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

absl::StatusOr<LayerDirs::Step> LayerDirs::StepInto(Dir* at, const std::string& name) {
  ASSIGN_OR_RETURN(const int fd, Open(at));
  struct stat info {};
  LowerFile lower;
  if (fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    if (IsWhiteout(info)) {
      ASSIGN_OR_RETURN(Dir* const dir, MakeInPlaceOf(at, name, DefaultMetadata()));
      return Step{dir, {}};
    }
    lower.dir = Fd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  } else if (errno == ENOENT) {
    ASSIGN_OR_RETURN(lower, FindBelow(at, name));
    info = lower.info;
    if (!lower.exists) {
      ASSIGN_OR_RETURN(Dir* const dir, Make(at, name, DefaultMetadata()));
      return Step{dir, {}};
    }
  } else {
    return ErrnoStatus(errno, "stat");
  }
  if (S_ISDIR(info.st_mode)) {
    ASSIGN_OR_RETURN(FileMetadata metadata, ReadMetadata(lower.dir.get(), name, info));
    ASSIGN_OR_RETURN(Dir* const dir, Make(at, name, std::move(metadata)));
    return Step{dir, {}};
  }
  if (!S_ISLNK(info.st_mode)) return absl::DataLossError("the path goes through something that is not a directory");
  ASSIGN_OR_RETURN(std::string target, ReadLinkAt(lower.dir.get(), name));
  if (target.empty()) return absl::DataLossError("the path goes through an empty symbolic link");
  return Step{nullptr, std::move(target)};
}

bool LayerDirs::IsBelow(const Dir* dir, const Dir* ancestor) {
  if (ancestor == nullptr) return false;
  while (dir != nullptr && dir != ancestor) dir = dir->parent_;
  return dir == ancestor;
}

absl::StatusOr<LowerFile> LayerDirs::FindBelow(const Dir* parent, const std::string& name) {
  TarPath path = {name};
  for (const Dir* dir = parent; dir != nullptr; dir = dir->parent_) {
    if (dir->opaque_) return LowerFile{};
    if (dir->parent_ != nullptr) path.push_back(dir->name_);
  }
  std::reverse(path.begin(), path.end());
  if (!lower_view_.has_value()) {
    ASSIGN_OR_RETURN(lower_view_, below_());
  }
  return lower_view_->Find(path);
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

absl::StatusOr<LayerDirs::Dir*> LayerDirs::Make(Dir* parent, const std::string& name, FileMetadata metadata) {
  if (parent->depth_ >= kMostDepth) {
    return absl::ResourceExhaustedError(absl::StrCat("directories are nested more than ", kMostDepth, " deep"));
  }
  if (made_ >= kMostDirectories) {
    return absl::ResourceExhaustedError(absl::StrCat("has more than ", kMostDirectories, " directories"));
  }
  ASSIGN_OR_RETURN(const int fd, Open(parent));
  if (mkdirat(fd, name.c_str(), 0700) != 0) return ErrnoStatus(errno, absl::StrCat("make directory ", name));
  auto dir = std::make_unique<Dir>();
  dir->parent_ = parent;
  dir->name_ = name;
  dir->depth_ = parent->depth_ + 1;
  RETURN_IF_ERROR(Keep(dir.get(), std::move(metadata)));
  ++made_;
  return parent->children_.emplace(name, std::move(dir)).first->second.get();
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

// A directory that replaces another entry of this layer, possibly a whiteout. It is opaque, so that the contents of the
// layers below stay hidden.
absl::StatusOr<LayerDirs::Dir*> LayerDirs::MakeInPlaceOf(Dir* parent, const std::string& name, FileMetadata metadata) {
  RETURN_IF_ERROR(Remove(parent, name));
  ASSIGN_OR_RETURN(Dir* const dir, Make(parent, name, std::move(metadata)));
  RETURN_IF_ERROR(MakeOpaque(dir));
  return dir;
}

absl::Status LayerDirs::Carry(Dir* parent, const std::string& name, FileMetadata metadata) {
  if (Dir* const dir = parent->Child(name)) return Keep(dir, std::move(metadata));
  const absl::StatusOr<Dir*> made = Make(parent, name, metadata);
  if (made.ok() || ErrnoOf(made.status()) != EEXIST) return made.status();
  return MakeInPlaceOf(parent, name, std::move(metadata)).status();
}

absl::Status LayerDirs::CarryRoot(FileMetadata metadata) {
  root_.metadata_ = std::move(metadata);
  root_carried_ = true;
  return absl::OkStatus();
}

absl::Status LayerDirs::MakeOpaque(Dir* dir) {
  dir->opaque_ = true;
  ASSIGN_OR_RETURN(const int fd, Open(dir));
  return SetXattr(fd, std::string(kOpaqueXattr), "y", dir->name_);
}

absl::Status LayerDirs::Remove(Dir* parent, const std::string& name) {
  last_parent_ = nullptr;
  if (Dir* const dir = parent->Child(name)) {
    CloseAll(dir);
    parent->children_.erase(name);
  }
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
  std::vector<Dir*> todo = {&root_};
  while (!todo.empty()) {
    Dir* const dir = todo.back();
    todo.pop_back();
    ASSIGN_OR_RETURN(const int fd, Open(dir));
    RETURN_IF_ERROR(ApplyMetadata(fd, dir->metadata_, dir->name_));
    for (const auto& [name, child] : dir->children_) todo.push_back(child.get());
  }
  return absl::OkStatus();
}

}  // namespace crisp
