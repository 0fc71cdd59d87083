// Fuzzes the frames and header blocks that a client sends: no crash, bounded memory.
#include <cstdint>
#include <cstdlib>

#include "streaming/spdy_frame.h"
#include "streaming/spdy_headers.h"

namespace {

class Reader final : public crisp::SpdyFrameReader::Events {
 public:
  absl::Status OnSpdyData(uint32_t, absl::string_view part, bool) override {
    bytes += part.size();
    return absl::OkStatus();
  }

  absl::Status OnSpdyControl(crisp::SpdyType type, uint8_t, absl::string_view payload) override {
    bytes += payload.size();
    switch (type) {
      case crisp::SpdyType::kSynStream: {
        const auto syn = crisp::ParseSynStream(payload);
        return syn.ok() ? inflater.Read(syn->block).status() : syn.status();
      }
      case crisp::SpdyType::kSynReply:
      case crisp::SpdyType::kHeaders: {
        const auto headers = crisp::ParseStreamHeaders(payload);
        return headers.ok() ? inflater.Read(headers->block).status() : headers.status();
      }
      case crisp::SpdyType::kRstStream:
        return crisp::ParseRstStream(payload).status();
      case crisp::SpdyType::kPing:
        return crisp::ParsePing(payload).status();
      case crisp::SpdyType::kGoAway:
        return crisp::ParseGoAway(payload).status();
      default:
        return crisp::ParseHeaderBlock(payload).status();
    }
  }

  size_t bytes = 0;
  crisp::SpdyHeaderInflater inflater;
};

}  // namespace

// The first byte selects how the rest is split. The reader must return the same frames for every split.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = data[0] + 1u;
  const absl::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
  Reader whole;
  crisp::SpdyFrameReader whole_frames;
  const bool well = whole_frames.Feed(all, &whole).ok();
  Reader cut;
  crisp::SpdyFrameReader cut_frames;
  bool cut_well = true;
  for (size_t at = 0; at < all.size() && cut_well; at += piece) {
    cut_well = cut_frames.Feed(all.substr(at, piece), &cut).ok();
  }
  if (well != cut_well || (well && whole.bytes != cut.bytes)) abort();
  return 0;
}
