// LayerDirs: the directories of a layer that is being unpacked. Finds where an entry of the tar belongs, and makes what
// directories that takes.
//
// Every directory is one component below the descriptor of its parent, so the kernel never resolves a name that an
// image chose; symbolic links on the way to an entry are followed here, inside the layer's root, as a container would.
// A directory that the tar does not carry is looked up in the layers below, and gets the owner, mode and attributes it
// has there; only then, and for links that only the layers below have, does it wait for them.
//
// Owners, modes, attributes and times of directories are set by Finish: until then all are 0700 and nothing made in
// them can inherit anything.
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

// A path of a tar: its components, without "" and ".". Empty is the root.
using TarPath = std::vector<std::string>;

// DataLoss for a path with "..", or longer than the kernel takes. A leading "/" is dropped, as every engine does.
absl::StatusOr<TarPath> ParseTarPath(absl::string_view path);

class LayerDirs {
 public:
  // Gives the layers below, once they are finished. Not asked before it is needed; asked once.
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
    Fd fd_;  // valid while it is in open_
    std::list<Dir*>::iterator open_at_;
  };

  LayerDirs(Fd root, Below below);
  ~LayerDirs();
  LayerDirs(const LayerDirs&) = delete;
  LayerDirs& operator=(const LayerDirs&) = delete;

  Dir* root() { return &root_; }

  // The directory at `path`, made with all above it if it is not there.
  absl::StatusOr<Dir*> Resolve(const TarPath& path);
  // Likewise for that of an entry: all of `path` but its last component. Remembers the last one.
  absl::StatusOr<Dir*> ResolveParent(const TarPath& path);

  // Descriptor of a directory, for reading. Valid until some ten others have been asked for.
  absl::StatusOr<int> Open(Dir* dir);

  // Makes `name` in `parent`, or takes what is there if it is a directory of this layer. What is no directory is
  // replaced.
  absl::Status Carry(Dir* parent, const std::string& name, FileMetadata metadata);
  absl::Status CarryRoot(FileMetadata metadata);
  // Hides what the layers below have in `dir`.
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
