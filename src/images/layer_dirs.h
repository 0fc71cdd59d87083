// LayerDirs: the directories of a layer that is being unpacked. Finds the directory of each entry of the tar, and makes
// the directories that are missing.
//
// Each directory is opened by one component relative to its parent's descriptor, so the kernel never resolves a path
// that an image chose. Symbolic links on the way to an entry are followed here, inside the layer's root, as in a
// container. A directory that the tar does not have is looked up in the layers below, and gets the owner, mode and
// attributes that it has there. Only for this, and for links that only the layers below have, are those layers waited
// for.
//
// Finish sets owners, modes, attributes and times of directories. Until then all have mode 0700, and files in them
// inherit nothing.
//
// Ownership: owns the root's descriptor and a bounded number of others. Thread-compatible.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "images/file_metadata.h"
#include "images/lower_view.h"
#include "os/fd.h"

namespace crisp {

// The components of a path in a tar, without "" and ".". An empty one is the root.
using TarPath = std::vector<std::string>;

// DataLoss for a path with "..", or longer than the kernel accepts. A leading "/" is dropped, as every engine does.
absl::StatusOr<TarPath> ParseTarPath(absl::string_view path);

class LayerDirs {
 public:
  // Waits until the layers below are finished and returns them. Called at most once, when they are first needed.
  using Below = std::function<absl::StatusOr<LowerView>()>;

  class Dir {
   public:
    const std::string& name() const { return name_; }
    Dir* Child(const std::string& name) const;

   private:
    friend class LayerDirs;
    Dir* parent_ = nullptr;
    std::string name_;
    int depth_ = 0;
    bool opaque_ = false;
    std::map<std::string, std::unique_ptr<Dir>> children_;
    FileMetadata metadata_;
    Fd fd_;  // valid while the directory is in open_
    std::list<Dir*>::iterator open_at_;
  };

  LayerDirs(Fd root, Below below);
  ~LayerDirs();
  LayerDirs(const LayerDirs&) = delete;
  LayerDirs& operator=(const LayerDirs&) = delete;

  Dir* root() { return &root_; }

  // The directory at `path`. It and its parents are made if they do not exist.
  absl::StatusOr<Dir*> Resolve(const TarPath& path);
  // The directory of the entry at `path`, which is `path` without its last component. The last result is cached.
  absl::StatusOr<Dir*> ResolveParent(const TarPath& path);

  // A descriptor of the directory, for reading. Valid until about ten other directories have been opened.
  absl::StatusOr<int> Open(Dir* dir);

  // The tar has an entry for the directory `name` in `parent`: makes it, or uses the one that this layer has. Anything
  // else is replaced.
  absl::Status Carry(Dir* parent, const std::string& name, FileMetadata metadata);
  absl::Status CarryRoot(FileMetadata metadata);
  // Hides the contents of `dir` in the layers below.
  absl::Status MakeOpaque(Dir* dir);

  // Removes whatever `parent` has under `name` in this layer. OK if there is nothing.
  absl::Status Remove(Dir* parent, const std::string& name);

  // True if `dir` is `ancestor` or lies below it. False for no ancestor.
  static bool IsBelow(const Dir* dir, const Dir* ancestor);

  // What the layers below have under `name` in `parent`, if it can be seen through this layer.
  absl::StatusOr<LowerFile> FindBelow(const Dir* parent, const std::string& name);

  // Sets all that is still to be set.
  absl::Status Finish();

  uint64_t made() const { return made_; }
  // True if the tar had an entry for the root itself.
  bool root_carried() const { return root_carried_; }

 private:
  struct Step {
    Dir* dir = nullptr;  // or
    std::string link;    // the target of a symbolic link
  };
  absl::StatusOr<Step> StepInto(Dir* at, const std::string& name);
  absl::StatusOr<Dir*> Make(Dir* parent, const std::string& name, FileMetadata metadata);
  absl::Status Keep(Dir* dir, FileMetadata metadata);
  absl::StatusOr<Dir*> MakeInPlaceOf(Dir* parent, const std::string& name, FileMetadata metadata);
  absl::Status OpenBelow(Dir* nearest, const std::vector<Dir*>& chain);
  void CloseAll(Dir* dir);

  Below below_;
  std::optional<LowerView> lower_view_;
  Dir root_;
  std::list<Dir*> open_;  // least recently used first; without the root
  TarPath last_path_;
  Dir* last_parent_ = nullptr;
  uint64_t made_ = 0;
  size_t kept_xattr_bytes_ = 0;  // of the metadata that Finish will apply
  bool root_carried_ = false;
};

}  // namespace crisp
