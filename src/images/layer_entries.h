// LayerEntries: makes the entries of a layer other than directories: files, links and devices. An earlier
// entry with the same name is replaced. Counts bytes and inodes.
//
// Thread-compatible; `dirs` must outlive the object. Errors: DataLoss for an entry that is not allowed, else
// ErrnoStatus.
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

  // Makes an empty file of mode 0600 and opens it for writing.
  absl::StatusOr<Fd> MakeFile(Dir* parent, const std::string& name);
  absl::Status MakeSymlink(Dir* parent, const std::string& name, const std::string& target,
                           const FileMetadata& metadata);
  // `type` is S_IFCHR, S_IFBLK or S_IFIFO.
  absl::Status MakeSpecial(Dir* parent, const std::string& name, mode_t type, dev_t device,
                           const FileMetadata& metadata);
  // `target` is a file of this layer, or of the layers below; then it is copied up first.
  absl::Status MakeLink(Dir* parent, const std::string& name, const TarPath& target);

  void CountBytes(uint64_t bytes);  // adds the bytes written to a file
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
