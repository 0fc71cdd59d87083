// Header blocks of SPDY/3. Each direction of a connection is one zlib stream with a fixed dictionary, flushed
// (Z_SYNC_FLUSH) at the end of each block.
//
// A block is a count, then for each header the length and text of its name and the length and text of its value; count
// and lengths have 32 bits, big-endian. Names are lower case and unique; several values are joined by NUL. Facts: "SPDY
// Protocol - Draft 3", section 2.6.10.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

using SpdyHeaders = std::vector<std::pair<std::string, std::string>>;

// Limits of an inflated block (a few hundred bytes are usual): its size, and its number of headers.
inline constexpr size_t kSpdyMaxHeaderBytes = 64 << 10;
inline constexpr uint32_t kSpdyMaxHeaders = 100;

// The value of the first header of that name (lower case), empty if there is none.
absl::string_view FindHeader(const SpdyHeaders& headers, absl::string_view name);

// Reads the blocks of one direction in order. After an error (InvalidArgument) the state of the compression is lost,
// and the connection must be closed.
class SpdyHeaderInflater {
 public:
  SpdyHeaderInflater();
  ~SpdyHeaderInflater();
  absl::StatusOr<SpdyHeaders> Read(absl::string_view block);

 private:
  struct Zlib;
  std::unique_ptr<Zlib> zlib_;
};

class SpdyHeaderDeflater {
 public:
  SpdyHeaderDeflater();
  ~SpdyHeaderDeflater();
  std::string Write(const SpdyHeaders& headers);

 private:
  struct Zlib;
  std::unique_ptr<Zlib> zlib_;
};

// The uncompressed block.
std::string EncodeHeaderBlock(const SpdyHeaders& headers);
absl::StatusOr<SpdyHeaders> ParseHeaderBlock(absl::string_view block);

}  // namespace crisp
