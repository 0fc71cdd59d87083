// Limits of one layer. A layer beyond a limit is refused with ResourceExhausted, which names the limit, and its
// unpacked part is removed. The limits are far above the largest images in use (some 30 GiB and half a million files a
// layer), and low enough not to harm a node. Disk space has no limit here: a full disk gives ENOSPC.
#pragma once

#include <cstddef>
#include <cstdint>

namespace crisp {

inline constexpr int kMostLayers = 500;  // of an image: what overlayfs stacks

inline constexpr uint64_t kMostTarBytes = uint64_t{128} << 30;   // the unpacked tar
inline constexpr uint64_t kMostFileBytes = uint64_t{128} << 30;  // one file's size, holes included

// Unpacked bytes for each compressed byte. gzip reaches at most 1032, zstd has no bound, real layers stay below 20. A
// tar below the floor may have any ratio: a small layer can be all zeros.
inline constexpr uint64_t kMostRatio = 200;
inline constexpr uint64_t kRatioFloorBytes = uint64_t{1} << 30;

inline constexpr uint64_t kMostInodes = 10'000'000;
// Directories and their xattrs are kept in memory until the layer is finished, some 200 bytes a directory.
inline constexpr uint64_t kMostDirectories = 500'000;
inline constexpr size_t kMostDirectoryXattrBytes = 64 << 20;
inline constexpr size_t kMostWhiteoutBytes = 64 << 20;  // names of whiteouts, which are kept as long
inline constexpr size_t kMostXattrBytes = 64 << 10;     // XATTR_SIZE_MAX of Linux, for one xattr
inline constexpr size_t kMostXattrNameBytes = 255;      // XATTR_NAME_MAX
inline constexpr int kMostDepth = 2048;                 // of nested directories; one path cannot name more (PATH_MAX)
inline constexpr size_t kMostPathBytes = 4095;          // PATH_MAX without its NUL
inline constexpr size_t kMostNameBytes = 255;           // NAME_MAX
inline constexpr int kMostLinksFollowed = 40;           // MAXSYMLINKS, path_resolution(7)

// Bytes of the tar between two entries, or between two pieces of a file. libarchive keeps sparse maps and extended
// headers in memory, which takes up to 12 times their size.
inline constexpr size_t kMostHeaderBytes = 8 << 20;

inline constexpr int kMostZstdWindowLog = 27;  // 128 MiB, as `zstd --long` needs

// A global cap; each pull always gets at least one. The memory of a layer is mostly the window of its decompressor,
// whose size the image chooses.
inline constexpr size_t kMostLayersAtOnce = 12;

// Bytes between the two threads of a layer, and of all layers of one Unpack together.
inline constexpr size_t kRingBlockBytes = 256 << 10;
inline constexpr size_t kRingBytes = 4 << 20;
inline constexpr size_t kRingBudgetBytes = 64 << 20;

}  // namespace crisp
