// Fuzzes WebSocket messages in parts: two bytes give the length of a part and whether it ends its message.
#include <cstdint>
#include <cstdlib>

#include "streaming/channel_codec.h"

namespace {

class Counter final : public crisp::ChannelReader::Events {
 public:
  void OnMessageBytes(uint8_t channel, absl::string_view bytes) override {
    const bool is_signal = coding == crisp::ChannelCoding::kBinaryWithClose && channel == crisp::kCloseSignal;
    if (bytes.empty() || is_signal) abort();
    taken += bytes.size();
  }
  void OnChannelClosed(uint8_t) override {
    if (coding != crisp::ChannelCoding::kBinaryWithClose) abort();
  }
  crisp::ChannelCoding coding = crisp::ChannelCoding::kBinary;
  size_t taken = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using crisp::ChannelCoding;
  for (const auto coding : {ChannelCoding::kBinary, ChannelCoding::kBinaryWithClose, ChannelCoding::kBase64}) {
    crisp::ChannelReader reader(coding);
    Counter events;
    events.coding = coding;
    absl::string_view rest(reinterpret_cast<const char*>(data), size);
    while (rest.size() >= 2) {
      const size_t length = static_cast<uint8_t>(rest[0]);
      const bool ends = (rest[1] & 1) != 0;
      rest.remove_prefix(2);
      const absl::string_view part = rest.substr(0, length);
      rest.remove_prefix(part.size());
      if (!reader.Feed(part, ends, &events).ok()) break;
    }
    if (events.taken > size) abort();
  }
  return 0;
}
