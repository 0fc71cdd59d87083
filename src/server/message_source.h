// MessageSource: where the messages of a call that is answered by a stream come from.
#pragma once

#include <memory>
#include <optional>

#include "absl/status/status.h"

namespace crisp {

// Used by one thread at a time.
template <typename Response>
class MessageSource {
 public:
  virtual ~MessageSource() = default;
  // The next message; null if there is none at the moment.
  virtual std::shared_ptr<const Response> Next() = 0;
  // How the stream ends; nothing as long as more messages may follow. Asked when Next has returned null.
  virtual std::optional<absl::Status> End() = 0;
};

}  // namespace crisp
