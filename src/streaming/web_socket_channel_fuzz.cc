// Fuzzes WebSocket messages in parts: two bytes give the length of a part and whether it ends its message.
#include <cstdint>
#include <cstdlib>

#include "streaming/channel_codec.h"

namespace {

class Counter final : public crisp::ChannelReader::Events {
 public:
  void OnMessageBytes(uint8_t channel, absl::string_view bytes) override {
    if (bytes.empty() || (with_signal && channel == crisp::kCloseSignal)) abort();
    taken += bytes.size();
  }
  void OnChannelClosed(uint8_t) override {
    if (!with_signal) abort();
  }
  bool with_signal = false;
  size_t taken = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const bool with_signal : {false, true}) {
    crisp::ChannelReader reader(with_signal);
    Counter events;
    events.with_signal = with_signal;
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
