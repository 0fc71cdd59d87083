// Decodes any bytes as the state of a shim. One that is accepted must encode to a state that is accepted again.
#include <cstdlib>

#include "shim/state.h"
#include "shim/state_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace crisp::shim;  // NOLINT(google-build-using-namespace): a fuzzer's entry must be outside
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ShimState state;
  std::vector<int> descriptors;
  if (DecodeState(bytes, &state, &descriptors).empty()) {
    std::vector<int> same;
    const std::string again = EncodeState(state, &same);
    ShimState copy;
    std::vector<int> read;
    if (same != descriptors || !DecodeState(again, &copy, &read).empty()) abort();
  }
  // Without the frame and the checks: deeper, since few inputs pass those.
  ShimState any;
  StateDecoder decoder(bytes, &descriptors);
  decoder.Record(any);
  return 0;
}
