// LayerEntries: makes what a layer holds besides directories: files, links, devices, whiteouts. Whatever the layer had
// under the name before is replaced. Counts what it makes.
//
// Thread-compatible; `dirs` must outlive it. Errors: DataLoss for what the tar must not ask for, else ErrnoStatus.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "images/layer_dirs.h"

namespace crisp {

class LayerEntries {
 public:
  using Dir = LayerDirs::Dir;

  explicit LayerEntries(LayerDirs* dirs) : dirs_(dirs) {}

  // A new, empty file, open for writing, of mode 0600.
  absl::StatusOr<Fd> MakeFile(Dir* parent, const std::string& name);
  absl::Status MakeSymlink(Dir* parent, const std::string& name, const std::string& target,
                           const FileMetadata& metadata);
  // `type` is S_IFCHR, S_IFBLK or S_IFIFO.
  absl::Status MakeSpecial(Dir* parent, const std::string& name, mode_t type, dev_t device,
                           const FileMetadata& metadata);
  // `target` is a file of this layer, or one of the layers below, which is then copied up.
  absl::Status MakeLink(Dir* parent, const std::string& name, const TarPath& target);
  // Hides what the layers below have under the name. What this layer has there stays.
  absl::Status WhiteOut(Dir* parent, const std::string& name);

  void CountBytes(uint64_t bytes);  // of a file, as written
  uint64_t bytes() const { return bytes_; }
  uint64_t inodes() const { return inodes_; }

 private:
  template <typename Try>
  absl::Status Replace(Dir* parent, const std::string& name, absl::string_view what, const Try& attempt);
  absl::Status CopyUp(Dir* parent, const std::string& name);
  absl::Status CopyUpFile(const LowerFile& from, Dir* parent, const std::string& name, const FileMetadata& metadata);

  LayerDirs* dirs_;
  uint64_t bytes_ = 0;
  uint64_t inodes_ = 0;
};

}  // namespace crisp
