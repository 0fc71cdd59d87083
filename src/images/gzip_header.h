// GzipHeader: the header of a gzip member (RFC 1952, 2.3), in pieces of any size. The extra field, name and comment are
// skipped, and the header's checksum is verified.
//
// Thread-compatible.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace crisp {

class GzipHeader {
 public:
  // Takes the bytes of the header off the front of `data`. DataLoss if it is not a header.
  absl::Status Feed(absl::string_view* data);
  bool done() const { return part_ == Part::kDone; }

 private:
  enum class Part { kFixed, kExtraLength, kExtra, kName, kComment, kChecksum, kDone };

  absl::Status Take(uint8_t byte);
  absl::Status TakeFixed(uint8_t byte);
  absl::Status TakeChecksum(uint8_t byte);
  // To the first part after `part_` that the flags say is there.
  void Next();
  bool Has(Part part) const;

  Part part_ = Part::kFixed;
  size_t at_ = 0;  // bytes of this part that were taken
  uint8_t flags_ = 0;
  uint16_t extra_ = 0;     // length of the extra field
  uint16_t checksum_ = 0;  // as the header has it
  uint32_t crc_ = 0;       // of the bytes before the checksum
};

}  // namespace crisp
