#include "streaming/spdy_headers.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "streaming/spdy_dictionary.h"

namespace crisp {
namespace {

// Blocks are short: a window of 2 KiB holds the dictionary and a block, and costs 20 KiB a connection instead of zlib's
// default of 256 KiB.
constexpr int kWindowBits = 11;
constexpr int kMemoryLevel = 2;

void PutText(std::string* block, absl::string_view text) {
  const auto length = static_cast<uint32_t>(text.size());
  for (const int shift : {24, 16, 8, 0}) block->push_back(static_cast<char>(length >> shift));
  block->append(text.data(), text.size());
}

absl::StatusOr<uint32_t> TakeNumber(absl::string_view* block) {
  if (block->size() < 4) return absl::InvalidArgumentError("a block of headers ends within a number");
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>((*block)[i]);
  block->remove_prefix(4);
  return number;
}

absl::StatusOr<std::string> TakeText(absl::string_view* block) {
  ASSIGN_OR_RETURN(const uint32_t length, TakeNumber(block));
  if (length > block->size()) return absl::InvalidArgumentError("a block of headers ends within a text");
  std::string text(block->substr(0, length));
  block->remove_prefix(length);
  return text;
}

bool IsLowerCase(absl::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

const Bytef* Bytes(absl::string_view text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

}  // namespace

absl::string_view FindHeader(const SpdyHeaders& headers, absl::string_view name) {
  const auto found = std::find_if(headers.begin(), headers.end(), [name](const auto& h) { return h.first == name; });
  return found == headers.end() ? absl::string_view() : absl::string_view(found->second);
}

std::string EncodeHeaderBlock(const SpdyHeaders& headers) {
  std::string block;
  const auto count = static_cast<uint32_t>(headers.size());
  for (const int shift : {24, 16, 8, 0}) block.push_back(static_cast<char>(count >> shift));
  for (const auto& [name, value] : headers) {
    PutText(&block, name);
    PutText(&block, value);
  }
  return block;
}

absl::StatusOr<SpdyHeaders> ParseHeaderBlock(absl::string_view block) {
  ASSIGN_OR_RETURN(const uint32_t count, TakeNumber(&block));
  if (count > kSpdyMaxHeaders) return absl::InvalidArgumentError(absl::StrCat("a block of ", count, " headers"));
  SpdyHeaders headers;
  for (uint32_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(std::string name, TakeText(&block));
    ASSIGN_OR_RETURN(std::string value, TakeText(&block));
    if (!IsLowerCase(name)) return absl::InvalidArgumentError("the name of a header is empty or not in lower case");
    if (std::any_of(headers.begin(), headers.end(), [&name](const auto& h) { return h.first == name; })) {
      return absl::InvalidArgumentError("a header comes twice in a block");
    }
    headers.emplace_back(std::move(name), std::move(value));
  }
  return headers;
}

struct SpdyHeaderInflater::Zlib {
  z_stream stream{};
};

SpdyHeaderInflater::SpdyHeaderInflater() : zlib_(std::make_unique<Zlib>()) {
  if (inflateInit(&zlib_->stream) != Z_OK) abort();  // no memory
}

SpdyHeaderInflater::~SpdyHeaderInflater() {
  inflateEnd(&zlib_->stream);
}

absl::StatusOr<SpdyHeaders> SpdyHeaderInflater::Read(absl::string_view block) {
  z_stream& z = zlib_->stream;
  z.next_in = const_cast<Bytef*>(Bytes(block));
  z.avail_in = static_cast<uInt>(block.size());
  std::string plain;
  for (bool more = true; more;) {
    const size_t before = plain.size();
    plain.resize(std::min(kSpdyMaxHeaderBytes, before + 4096));
    z.next_out = reinterpret_cast<Bytef*>(plain.data()) + before;
    z.avail_out = static_cast<uInt>(plain.size() - before);
    int result = inflate(&z, Z_SYNC_FLUSH);
    if (result == Z_NEED_DICT) {
      const std::string& dictionary = SpdyDictionary();
      result = inflateSetDictionary(&z, Bytes(dictionary), static_cast<uInt>(dictionary.size()));
      if (result == Z_OK) result = inflate(&z, Z_SYNC_FLUSH);
    }
    // Z_BUF_ERROR means that no progress was possible: the input ended exactly where the output buffer did.
    if (result != Z_OK && result != Z_BUF_ERROR) {
      return absl::InvalidArgumentError(absl::StrCat("a block of headers cannot be inflated, zlib error ", result));
    }
    more = z.avail_out == 0;
    plain.erase(plain.size() - z.avail_out);
    if (more && plain.size() >= kSpdyMaxHeaderBytes) {
      return absl::InvalidArgumentError(absl::StrCat("a block of headers of ", kSpdyMaxHeaderBytes, " bytes or more"));
    }
  }
  if (z.avail_in > 0) return absl::InvalidArgumentError("a block of headers cannot be inflated to its end");
  return ParseHeaderBlock(plain);
}

struct SpdyHeaderDeflater::Zlib {
  z_stream stream{};
};

SpdyHeaderDeflater::SpdyHeaderDeflater() : zlib_(std::make_unique<Zlib>()) {
  const std::string& dictionary = SpdyDictionary();
  if (deflateInit2(&zlib_->stream, Z_BEST_SPEED, Z_DEFLATED, kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK ||
      deflateSetDictionary(&zlib_->stream, Bytes(dictionary), static_cast<uInt>(dictionary.size())) != Z_OK) {
    abort();  // no memory
  }
}

SpdyHeaderDeflater::~SpdyHeaderDeflater() {
  deflateEnd(&zlib_->stream);
}

std::string SpdyHeaderDeflater::Write(const SpdyHeaders& headers) {
  const std::string plain = EncodeHeaderBlock(headers);
  z_stream& z = zlib_->stream;
  z.next_in = const_cast<Bytef*>(Bytes(plain));
  z.avail_in = static_cast<uInt>(plain.size());
  std::string block;
  do {
    const size_t before = block.size();
    block.resize(before + 256);
    z.next_out = reinterpret_cast<Bytef*>(block.data()) + before;
    z.avail_out = 256;
    deflate(&z, Z_SYNC_FLUSH);
    block.erase(block.size() - z.avail_out);
  } while (z.avail_out == 0);
  return block;
}

}  // namespace crisp
