// Blocks of headers of SPDY/3: zlib with a dictionary that both sides know, one stream of it for each direction of a
// connection, flushed (Z_SYNC_FLUSH) at the end of each block.
//
// Inside: a count, then for each header the length and text of its name and the length and text of its value, all
// lengths 32 bits big-endian. Names are lower case and come once; several values are joined by NUL. Facts: "SPDY
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

// What a block may become when it is inflated (a few hundred bytes is usual), and how many headers it may have.
inline constexpr size_t kSpdyMaxHeaderBytes = 64 << 10;
inline constexpr uint32_t kSpdyMaxHeaders = 100;

// The value of the first header of that name (lower case), empty if there is none.
absl::string_view FindHeader(const SpdyHeaders& headers, absl::string_view name);

// Reads the blocks of one direction, in their order. An error (InvalidArgument) is final: the compression's state is
// lost, and with it the connection.
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

// The block that the two above compress.
std::string EncodeHeaderBlock(const SpdyHeaders& headers);
absl::StatusOr<SpdyHeaders> ParseHeaderBlock(absl::string_view block);

}  // namespace crisp
