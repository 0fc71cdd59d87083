#include "images/layer_decoder.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "images/gzip_header.h"
#include "images/layer_limits.h"

namespace crisp {
namespace {

// The length of the longest magic number.
constexpr size_t kMagicBytes = 4;

// The headers of gzip members are read by GzipHeader: ISA-L 2.30 refuses some valid ones that come in pieces. ISA-L
// decodes what follows and checks the trailer.
class GzipInflater : public Inflater {
 public:
  explicit GzipInflater(TarWriter* out) : out_(out), state_(std::make_unique<inflate_state>()) {}

  absl::Status Feed(absl::string_view compressed) override {
    while (!compressed.empty()) {
      if (member_done_) header_ = GzipHeader();
      if (member_done_ || !header_.done()) {
        RETURN_IF_ERROR(header_.Feed(&compressed));
        member_done_ = false;
        if (header_.done()) StartMember();
      }
      if (!header_.done()) return absl::OkStatus();
      ASSIGN_OR_RETURN(compressed, Inflate(compressed));
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    return member_done_ ? absl::OkStatus() : absl::DataLossError("the gzip data ends too early");
  }

 private:
  void StartMember() {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP_NO_HDR_VER;
  }

  // Returns what follows the member, if it ends here.
  absl::StatusOr<absl::string_view> Inflate(absl::string_view data) {
    state_->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(data.data()));
    state_->avail_in = static_cast<uint32_t>(data.size());
    // ISA-L may hold more output if the block is full. It needs more input only if space is left.
    bool starved = false;
    while (!member_done_ && (!starved || state_->avail_in > 0)) {
      const uint32_t before = state_->avail_in;
      ASSIGN_OR_RETURN(const absl::Span<char> space, out_->Space());
      state_->next_out = reinterpret_cast<uint8_t*>(space.data());
      state_->avail_out = static_cast<uint32_t>(space.size());
      if (const int error = isal_inflate(state_.get()); error != ISAL_DECOMP_OK) return Explain(error);
      const size_t written = space.size() - state_->avail_out;
      RETURN_IF_ERROR(out_->Wrote(written));
      member_done_ = state_->block_state == ISAL_BLOCK_FINISH;
      starved = state_->avail_out > 0;
      if (starved && !member_done_ && written == 0 && state_->avail_in == before && before > 0) {
        return absl::DataLossError("the gzip data is damaged");
      }
    }
    return data.substr(data.size() - state_->avail_in);
  }

  static absl::Status Explain(int error) {
    if (error == ISAL_INCORRECT_CHECKSUM) return absl::DataLossError("the gzip data is damaged: its checksum is wrong");
    return absl::DataLossError(absl::StrCat("the gzip data is damaged (ISA-L error ", error, ")"));
  }

  TarWriter* out_;
  GzipHeader header_;
  std::unique_ptr<inflate_state> state_;
  bool member_done_ = false;
};

class ZstdInflater : public Inflater {
 public:
  explicit ZstdInflater(TarWriter* out) : out_(out), context_(ZSTD_createDCtx()) {
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMostZstdWindowLog);
  }

  absl::Status Feed(absl::string_view compressed) override {
    ZSTD_inBuffer in{compressed.data(), compressed.size(), 0};
    bool starved = false;
    while (!starved || in.pos < in.size) {
      ASSIGN_OR_RETURN(const absl::Span<char> space, out_->Space());
      ZSTD_outBuffer out{space.data(), space.size(), 0};
      const size_t wanted = ZSTD_decompressStream(context_.get(), &out, &in);
      if (ZSTD_isError(wanted)) {
        return absl::DataLossError(absl::StrCat("the zstd data is damaged: ", ZSTD_getErrorName(wanted)));
      }
      RETURN_IF_ERROR(out_->Wrote(out.pos));
      frame_done_ = wanted == 0;
      starved = frame_done_ || out.pos < out.size;
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    return frame_done_ ? absl::OkStatus() : absl::DataLossError("the zstd data ends too early");
  }

 private:
  TarWriter* out_;
  std::unique_ptr<ZSTD_DCtx, decltype([](ZSTD_DCtx* context) { ZSTD_freeDCtx(context); })> context_;
  bool frame_done_ = false;
};

class PlainInflater : public Inflater {
 public:
  explicit PlainInflater(TarWriter* out) : out_(out) {}

  absl::Status Feed(absl::string_view tar) override {
    while (!tar.empty()) {
      ASSIGN_OR_RETURN(const absl::Span<char> space, out_->Space());
      const size_t size = std::min(space.size(), tar.size());
      std::memcpy(space.data(), tar.data(), size);
      RETURN_IF_ERROR(out_->Wrote(size));
      tar.remove_prefix(size);
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override { return absl::OkStatus(); }

 private:
  TarWriter* out_;
};

bool IsGzip(absl::string_view first) {
  return absl::StartsWith(first, "\x1f\x8b");
}

bool IsZstd(absl::string_view first) {
  // A frame, or one of the 16 kinds of skippable frame (RFC 8878, 3.1.1 and 3.1.2).
  return first == "\x28\xb5\x2f\xfd" ||
         (first.size() == 4 && (first[0] & '\xf0') == '\x50' && first.substr(1) == "\x2a\x4d\x18");
}

}  // namespace

absl::StatusOr<absl::Span<char>> TarWriter::Space() {
  if (block_.empty()) {
    ASSIGN_OR_RETURN(block_, ring_->Reserve());
    used_ = 0;
  }
  return block_.subspan(used_);
}

absl::Status TarWriter::Wrote(size_t size) {
  hash_.Update(absl::string_view(block_.data() + used_, size));
  used_ += size;
  bytes_ += size;
  if (bytes_ > kMostTarBytes) {
    return absl::ResourceExhaustedError(absl::StrCat("unpacks to more than ", kMostTarBytes, " bytes"));
  }
  if (bytes_ > kRatioFloorBytes && bytes_ / kMostRatio > blob_bytes_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("unpacks to more than ", kMostRatio, " times its size: taken for a decompression bomb"));
  }
  if (used_ == block_.size()) Flush();
  return absl::OkStatus();
}

void TarWriter::Flush() {
  if (!block_.empty()) ring_->Publish(used_);
  block_ = {};
}

absl::Status LayerDecoder::Feed(absl::string_view blob) {
  // libzstd takes a call with nothing after the end of a frame for the beginning of the next one.
  if (blob.empty()) return absl::OkStatus();
  if (inflater_ != nullptr) return inflater_->Feed(blob);
  first_.append(blob.data(), blob.size());
  return first_.size() < kMagicBytes ? absl::OkStatus() : Start();
}

absl::Status LayerDecoder::Start() {
  const absl::string_view magic = absl::string_view(first_).substr(0, kMagicBytes);
  if (IsGzip(magic)) {
    inflater_ = std::make_unique<GzipInflater>(out_);
  } else if (IsZstd(magic)) {
    inflater_ = std::make_unique<ZstdInflater>(out_);
  } else {
    inflater_ = std::make_unique<PlainInflater>(out_);
  }
  const std::string first = std::move(first_);
  return inflater_->Feed(first);
}

absl::Status LayerDecoder::Finish() {
  if (inflater_ == nullptr) RETURN_IF_ERROR(Start());
  RETURN_IF_ERROR(inflater_->Finish());
  out_->Flush();
  return absl::OkStatus();
}

}  // namespace crisp
