#include "images/testing/tar_builder.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace crisp {
namespace {

constexpr size_t kBlock = 512;

// A pax record counts its own length: "<length> <key>=<value>\n" (pax(1), "pax Extended Header").
std::string PaxRecord(const std::string& key, const std::string& value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t size = rest + 1;
  while (absl::StrCat(size).size() + rest != size) size = absl::StrCat(size).size() + rest;
  return absl::StrCat(size, " ", key, "=", value, "\n");
}

// A field of octal digits, or, for what does not fit, of GNU's base 256.
void PutNumber(char* field, size_t width, int64_t value) {
  const std::string octal = value < 0 ? "" : absl::StrFormat("%0*o", static_cast<int>(width - 1), value);
  if (octal.size() == width - 1) {
    std::memcpy(field, octal.data(), octal.size());
    return;
  }
  for (size_t i = 0; i < width; ++i) {
    field[width - 1 - i] = static_cast<char>(i < 8 ? value >> (8 * i) : value < 0 ? -1 : 0);
  }
  field[0] = static_cast<char>(field[0] | 0x80);
}

}  // namespace

void TarBuilder::Pad() {
  tar_.resize((tar_.size() + kBlock - 1) / kBlock * kBlock, '\0');
}

void TarBuilder::Header(char type, const std::string& name, uint64_t size, const TarEntry& entry) {
  char header[kBlock] = {};
  name.copy(header, 100);
  PutNumber(header + 100, 8, entry.mode);
  PutNumber(header + 108, 8, entry.uid);
  PutNumber(header + 116, 8, entry.gid);
  PutNumber(header + 124, 12, static_cast<int64_t>(size));
  PutNumber(header + 136, 12, entry.mtime);
  header[156] = type;
  entry.link.copy(header + 157, 100);
  std::memcpy(header + 257, "ustar\00000", 8);
  PutNumber(header + 329, 8, entry.major);
  PutNumber(header + 337, 8, entry.minor);
  std::memset(header + 148, ' ', 8);
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(header + 148, 8, "%06o", sum);
  tar_.append(header, kBlock);
}

TarBuilder& TarBuilder::Add(const TarEntry& entry) {
  std::map<std::string, std::string> pax = entry.pax;
  if (entry.name.size() > 100) pax.emplace("path", entry.name);
  if (entry.link.size() > 100) pax.emplace("linkpath", entry.link);
  if (!pax.empty()) {
    std::string records;
    for (const auto& [key, value] : pax) records += PaxRecord(key, value);
    Header('x', "pax", records.size(), {});
    tar_ += records;
    Pad();
  }
  Header(entry.type, entry.name, entry.content.size(), entry);
  tar_ += entry.content;
  Pad();
  return *this;
}

TarBuilder& TarBuilder::File(const std::string& name, const std::string& content, unsigned mode) {
  TarEntry entry;
  entry.name = name;
  entry.content = content;
  entry.mode = mode;
  return Add(entry);
}

TarBuilder& TarBuilder::Dir(const std::string& name, unsigned mode, int64_t uid, int64_t gid) {
  TarEntry entry;
  entry.type = '5';
  entry.name = name;
  entry.mode = mode;
  entry.uid = uid;
  entry.gid = gid;
  return Add(entry);
}

TarBuilder& TarBuilder::Symlink(const std::string& name, const std::string& target) {
  TarEntry entry;
  entry.type = '2';
  entry.name = name;
  entry.link = target;
  entry.mode = 0777;
  return Add(entry);
}

TarBuilder& TarBuilder::Link(const std::string& name, const std::string& target) {
  TarEntry entry;
  entry.type = '1';
  entry.name = name;
  entry.link = target;
  return Add(entry);
}

TarBuilder& TarBuilder::Raw(absl::string_view bytes) {
  tar_.append(bytes.data(), bytes.size());
  return *this;
}

std::string TarBuilder::Build() const {
  return tar_ + std::string(2 * kBlock, '\0');
}

std::string Gzip(absl::string_view data) {
  std::vector<uint8_t> level_buffer(ISAL_DEF_LVL1_DEFAULT);
  std::string out(data.size() + data.size() / 8 + 4096, '\0');
  isal_zstream stream;
  isal_deflate_init(&stream);
  stream.level = 1;
  stream.level_buf = level_buffer.data();
  stream.level_buf_size = static_cast<uint32_t>(level_buffer.size());
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.flush = NO_FLUSH;
  stream.next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uint32_t>(data.size());
  stream.next_out = reinterpret_cast<uint8_t*>(out.data());
  stream.avail_out = static_cast<uint32_t>(out.size());
  isal_deflate(&stream);
  out.resize(stream.total_out);
  return out;
}

std::string Zstd(absl::string_view data) {
  std::string out(ZSTD_compressBound(data.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 1));
  return out;
}

}  // namespace crisp
