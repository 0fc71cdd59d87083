// What one layer may take. A layer that goes past a limit is refused with ResourceExhausted, which names the limit;
// what it had unpacked by then is removed. The limits are far above the largest images seen in use (some 30 GiB and
// half a million files a layer) and below what would hurt a node; disk space itself is guarded by ENOSPC.
#pragma once

#include <cstddef>
#include <cstdint>

namespace crisp {

inline constexpr int kMostLayers = 127;  // of an image; what Docker builds at most, and what one page of options mounts

inline constexpr uint64_t kMostTarBytes = uint64_t{128} << 30;   // the unpacked tar
inline constexpr uint64_t kMostFileBytes = uint64_t{128} << 30;  // one file's size, holes included

// gzip cannot do better than 1032 to 1 and real layers stay below 20; zstd has no bound. Below the floor any ratio is
// fine: a small layer may well be all zeros.
inline constexpr uint64_t kMostRatio = 200;
inline constexpr uint64_t kRatioFloorBytes = uint64_t{1} << 30;

inline constexpr uint64_t kMostInodes = 10'000'000;
// Directories are kept in memory until the layer is done, some 200 B each, and what xattrs all of them have.
inline constexpr uint64_t kMostDirectories = 500'000;
inline constexpr size_t kMostDirectoryXattrBytes = 64 << 20;
inline constexpr size_t kMostXattrBytes = 64 << 10;  // XATTR_SIZE_MAX of Linux, of one
inline constexpr size_t kMostXattrNameBytes = 255;   // XATTR_NAME_MAX
inline constexpr int kMostDepth = 2048;              // of directories; PATH_MAX allows no more to be named at once
inline constexpr size_t kMostPathBytes = 4095;       // PATH_MAX without its NUL
inline constexpr size_t kMostNameBytes = 255;        // NAME_MAX
inline constexpr int kMostLinksFollowed = 40;        // MAXSYMLINKS, path_resolution(7)

// How much of the tar may go by between two entries, or between two pieces of a file. libarchive keeps sparse maps and
// extended headers in memory, up to 12 times their size.
inline constexpr size_t kMostHeaderBytes = 8 << 20;

inline constexpr int kMostZstdWindowLog = 27;  // 128 MiB, as `zstd --long` needs

// Of all pulls together, but that each pull may have one whatever the others do. The memory of a layer is mostly its
// decompressor's window, as large as its sender chose.
inline constexpr size_t kMostLayersAtOnce = 12;

// The bytes in flight between the two threads of a layer; of all layers of one Unpack together, if they are many.
inline constexpr size_t kRingBlockBytes = 256 << 10;
inline constexpr size_t kRingBytes = 4 << 20;
inline constexpr size_t kRingBudgetBytes = 64 << 20;

}  // namespace crisp
