// The result of an exec or attach as the client receives it, and the terminal sizes that the client sends.
//
// Since v4.channel.k8s.io the error channel carries a meta/v1 Status of Kubernetes' API machinery as JSON. Older
// protocols have a plain text, and nothing after success.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// `version` is the number of the protocol, 1 to 5; `result` is the exit code or the error.
std::string ResultText(int version, const absl::StatusOr<int>& result);

struct TerminalSize {
  uint16_t columns = 0;
  uint16_t rows = 0;
  bool operator==(const TerminalSize&) const = default;
};

// Parses one message {"Width":80,"Height":24}. Empty for other texts, and for sizes of 0 or above 65535.
std::optional<TerminalSize> ParseResize(absl::string_view json);

// Splits the resize channel of SPDY into messages: JSON objects one after another without framing. Drops what is no
// message. Buffers at most a few hundred bytes.
class ResizeReader {
 public:
  // The last size completed by `bytes`.
  std::optional<TerminalSize> Feed(absl::string_view bytes);

 private:
  std::string partial_;
};

}  // namespace crisp
