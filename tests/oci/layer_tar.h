// The tar of one image layer, from a description of what is in it.
//
// The same description makes the same bytes: times are 0, nothing comes from the machine. Entries are written in the
// order given and nothing is added, so that a test can say exactly what it means, a missing parent directory included.
// Threading: none; plain functions over values. Errors: Internal, with libarchive's text and the entry's path.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace crisp {

enum class EntryType { kFile, kDirectory, kSymlink, kHardlink, kCharDevice, kBlockDevice, kFifo };

struct LayerEntry {
  EntryType type = EntryType::kFile;
  std::string path;  // as it stands in the tar: "etc/passwd", without a leading slash
  std::string content;
  std::string target;  // of a symbolic or a hard link
  mode_t mode = 0644;  // permission bits with setuid, setgid and sticky
  int64_t uid = 0;
  int64_t gid = 0;
  unsigned major = 0;
  unsigned minor = 0;
  std::map<std::string, std::string> xattrs;  // "security.capability", as SCHILY.xattr records
  // Of a sparse file: where in `content` there is data, as offset and bytes; what lies between are holes.
  std::vector<std::pair<int64_t, int64_t>> data;
};

LayerEntry FileEntry(std::string path, std::string content, mode_t mode = 0644);
LayerEntry DirectoryEntry(std::string path, mode_t mode = 0755);
LayerEntry SymlinkEntry(std::string path, std::string target);
LayerEntry HardlinkEntry(std::string path, std::string target);
LayerEntry CharDeviceEntry(std::string path, unsigned major, unsigned minor, mode_t mode = 0666);
LayerEntry FifoEntry(std::string path, mode_t mode = 0644);
// Says that `path` of the layers below is gone (OCI image specification 1.1, layer.md, "Whiteouts").
LayerEntry WhiteoutEntry(const std::string& path);
// Says that everything that the layers below have in `directory` is gone.
LayerEntry OpaqueEntry(const std::string& directory);

enum class Compression { kNone, kGzip, kZstd };

// A pax tar of `entries`, not compressed.
absl::StatusOr<std::string> MakeLayerTar(const std::vector<LayerEntry>& entries);

absl::StatusOr<std::string> Compress(const std::string& data, Compression compression);

}  // namespace crisp
