#include "images/gzip_header.h"

#include <isa-l/crc.h>

#include "base/status_macros.h"

namespace crisp {
namespace {

constexpr size_t kFixedBytes = 10;
constexpr size_t kFlagsAt = 3;

constexpr uint8_t kHasChecksum = 2;
constexpr uint8_t kHasExtra = 4;
constexpr uint8_t kHasName = 8;
constexpr uint8_t kHasComment = 16;
constexpr uint8_t kReserved = 0xe0;

absl::Status NotAHeader() {
  return absl::DataLossError("the gzip data is damaged, or something else follows it");
}

}  // namespace

absl::Status GzipHeader::Feed(absl::string_view* data) {
  while (!data->empty() && !done()) {
    const auto byte = static_cast<uint8_t>(data->front());
    data->remove_prefix(1);
    if (part_ != Part::kChecksum) crc_ = crc32_gzip_refl(crc_, &byte, 1);
    RETURN_IF_ERROR(Take(byte));
  }
  return absl::OkStatus();
}

absl::Status GzipHeader::Take(uint8_t byte) {
  switch (part_) {
    case Part::kFixed:
      return TakeFixed(byte);
    case Part::kExtraLength:
      extra_ = static_cast<uint16_t>(extra_ | byte << (8 * at_));
      if (++at_ == 2) Next();
      break;
    case Part::kExtra:
      if (++at_ == extra_) Next();
      break;
    case Part::kName:
    case Part::kComment:
      if (byte == 0) Next();
      break;
    case Part::kChecksum:
      return TakeChecksum(byte);
    case Part::kDone:
      break;
  }
  return absl::OkStatus();
}

absl::Status GzipHeader::TakeFixed(uint8_t byte) {
  constexpr uint8_t kBegin[] = {0x1f, 0x8b, 8};  // the magic number and the only method: deflate
  if (at_ < sizeof(kBegin) && byte != kBegin[at_]) return NotAHeader();
  if (at_ == kFlagsAt) flags_ = byte;
  if ((flags_ & kReserved) != 0) return NotAHeader();
  if (++at_ == kFixedBytes) Next();
  return absl::OkStatus();
}

absl::Status GzipHeader::TakeChecksum(uint8_t byte) {
  checksum_ = static_cast<uint16_t>(checksum_ | byte << (8 * at_));
  if (++at_ < 2) return absl::OkStatus();
  if (checksum_ != (crc_ & 0xffff)) {
    return absl::DataLossError("the gzip data is damaged: the checksum of its header is wrong");
  }
  Next();
  return absl::OkStatus();
}

void GzipHeader::Next() {
  at_ = 0;
  do {
    part_ = static_cast<Part>(static_cast<int>(part_) + 1);
  } while (!Has(part_));
}

bool GzipHeader::Has(Part part) const {
  switch (part) {
    case Part::kExtraLength:
      return (flags_ & kHasExtra) != 0;
    case Part::kExtra:
      return extra_ > 0;
    case Part::kName:
      return (flags_ & kHasName) != 0;
    case Part::kComment:
      return (flags_ & kHasComment) != 0;
    case Part::kChecksum:
      return (flags_ & kHasChecksum) != 0;
    case Part::kFixed:
    case Part::kDone:
      break;
  }
  return true;
}

}  // namespace crisp
