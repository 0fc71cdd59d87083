// What a client is told at the end of an exec or an attach, and how it tells the size of its terminal.
//
// From the protocol v4.channel.k8s.io on, the error channel carries a Status of Kubernetes' API machinery (meta/v1) as
// JSON; before that a text, and nothing after a success.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// `version` is the number of the protocol, 1 to 5; `result` the exit code, or why there is none.
std::string ResultText(int version, const absl::StatusOr<int>& result);

struct TerminalSize {
  uint16_t columns = 0;
  uint16_t rows = 0;
  bool operator==(const TerminalSize&) const = default;
};

// Of one message {"Width":80,"Height":24}; nothing if it is not one, or a size is 0 or above 65535.
std::optional<TerminalSize> ParseResize(absl::string_view json);

// Cuts what comes on the resize channel of SPDY into messages: objects one after another, without a frame of their own.
// What cannot be a message is dropped. Keeps at most a few hundred bytes.
class ResizeReader {
 public:
  // The last size that `bytes` complete.
  std::optional<TerminalSize> Feed(absl::string_view bytes);

 private:
  std::string partial_;
};

}  // namespace crisp
