// LayerDirs: the directories of a layer that is being unpacked. Finds the directory of each entry of the tar, makes the
// directories that are missing, and keeps what whiteouts hide.
//
// Each directory is opened by one component relative to its parent's descriptor, so the kernel never resolves a path
// that an image chose. Symbolic links on the way to an entry are followed here, inside the layer's root, as in a
// container. A directory that the tar does not have is looked up in the layers below, and gets the owner, mode and
// attributes that it has there. For this, for links that only the layers below have, and for whiteouts those layers are
// waited for.
//
// Whiteouts act on the layers below only: an entry of the tar stays, before or after the whiteout of its name. They
// make no directory, and are kept in memory until Finish. A directory that only leads to whiteouts has an object but is
// not on disk.
//
// Finish makes the whiteouts that hide something, and sets owners, modes, attributes and times of directories. Until
// then all have mode 0700, and files in them inherit nothing.
//
// Ownership: owns the root's descriptor and a bounded number of others. Thread-compatible.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
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

// ".." is resolved without looking at the disk, and does not lead out of the root. A leading "/" is dropped. DataLoss
// for what is longer than the kernel accepts.
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
    bool made_ = false;             // it is on disk
    bool below_ = false;            // it was found in the layers below
    bool carried_ = false;          // the tar has an entry for it
    bool opaque_ = false;           // its contents in the layers below are hidden
    bool pure_ = false;             // all that is in it is of the tar
    bool own_ = false;              // for Purge: it or something in it is of the tar
    uint64_t files_ = 0;            // entries of the tar in it, without directories
    std::set<std::string> copied_;  // files in it that were copied up from the layers below
    std::set<std::string> hidden_;  // names of the layers below that whiteouts hide
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

  // The directory of the whiteout at `path`. Makes nothing. Null if neither this layer nor those below have it.
  absl::StatusOr<Dir*> FindParent(const TarPath& path);

  // The tar has an entry for the directory `name` in `parent`: makes it, or uses the one that this layer has. Anything
  // else is replaced.
  absl::Status Carry(Dir* parent, const std::string& name, FileMetadata metadata);
  absl::Status CarryRoot(FileMetadata metadata);
  // Hides the contents of `dir` in the layers below.
  absl::Status MakeOpaque(Dir* dir);
  // Hides the entry `name` of the layers below.
  absl::Status WhiteOut(Dir* parent, const std::string& name);

  // A file, link or node `name` has been made in `parent`.
  void NoteFile(Dir* parent, const std::string& name);
  // The last one that was noted is not of the tar but a copy from the layers below.
  void NoteCopy(Dir* parent, const std::string& name);

  // Removes what `parent` has on disk under `name`.
  absl::Status Remove(Dir* parent, const std::string& name);

  // True if `dir` is `ancestor` or lies below it. False for no ancestor.
  static bool IsBelow(const Dir* dir, const Dir* ancestor);

  // What the layers below have under `name` in `parent`, if it can be seen through this layer.
  absl::StatusOr<LowerFile> FindBelow(const Dir* parent, const std::string& name);

  // Sets all that is still to be set.
  absl::Status Finish();

  uint64_t made() const { return made_; }  // directories
  uint64_t whiteouts() const { return whiteouts_; }
  // True if the tar had an entry for the root itself.
  bool root_carried() const { return root_carried_; }
  // True if the result may depend on the layers below.
  bool used_below() const { return lower_view_.has_value(); }

 private:
  struct Step {
    Dir* dir = nullptr;  // or
    std::string link;    // the target of a symbolic link; or neither
  };
  enum class Missing { kMake, kLeave };

  // layer_walk.cc.
  absl::StatusOr<Dir*> Walk(const TarPath& path, Missing missing);
  absl::StatusOr<Step> StepInto(Dir* at, const std::string& name, Missing missing);
  absl::StatusOr<LowerFile> Find(Dir* at, const std::string& name);
  absl::StatusOr<const LowerView*> lower_view();

  absl::StatusOr<Dir*> Add(Dir* parent, const std::string& name, FileMetadata metadata);
  absl::Status Keep(Dir* dir, FileMetadata metadata);
  absl::Status Materialise(Dir* dir);
  absl::Status MakeOnDisk(Dir* dir);
  absl::Status OpenBelow(Dir* nearest, const std::vector<Dir*>& chain);
  absl::Status Drop(Dir* parent, const std::string& name);
  void CloseAll(Dir* dir);

  // layer_whiteouts.cc.
  static bool IsHidden(const Dir* dir);
  static TarPath PathOf(const Dir* dir);
  absl::StatusOr<bool> Purge(Dir* top, bool keep);
  absl::Status PurgeContents(Dir* dir);
  absl::StatusOr<bool> RemoveCopy(Dir* parent, const std::string& name);
  absl::Status PlaceWhiteouts();
  absl::Status PlaceWhiteoutsIn(Dir* dir);

  Below below_;
  std::optional<LowerView> lower_view_;
  Dir root_;
  std::list<Dir*> open_;  // least recently used first; without the root
  // The results of the last ResolveParent and FindParent.
  TarPath last_path_;
  Dir* last_parent_ = nullptr;
  std::optional<TarPath> found_path_;
  Dir* found_parent_ = nullptr;
  uint64_t added_ = 0;  // Dir objects
  uint64_t made_ = 0;
  uint64_t whiteouts_ = 0;
  size_t kept_xattr_bytes_ = 0;  // of the metadata that Finish will apply
  size_t whiteout_bytes_ = 0;    // of the names in hidden_
  bool root_carried_ = false;
};

// The metadata of a directory that neither the tar nor a layer below describes. The time is fixed, so that all nodes
// unpack the same tree.
FileMetadata DefaultDirMetadata();

}  // namespace crisp
