// Fuzzes the upgrade request, which comes from a client without authentication.
#include <algorithm>
#include <cstdint>

#include "streaming/stream_protocol.h"
#include "streaming/upgrade_request.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = data[0] + 1u;
  absl::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  crisp::UpgradeRequestReader reader;
  while (!rest.empty()) {
    const auto whole = reader.Feed(rest.substr(0, piece));
    if (!whole.ok()) return 0;
    rest.remove_prefix(std::min(rest.size(), piece));
    if (!*whole) continue;
    const crisp::UpgradeRequest request = reader.TakeRequest();
    const auto kind = crisp::KindOf(request);
    for (const auto stream : {crisp::StreamKind::kExec, crisp::StreamKind::kPortForward}) {
      crisp::ChooseProtocol(crisp::KnownProtocols(stream, kind), crisp::OfferedProtocols(request, kind));
    }
    (void)crisp::PortsOf(request.target);
    reader.TakeRest();
    return 0;
  }
  return 0;
}
