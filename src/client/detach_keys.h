// DetachKeys: finds the keys in typed input that leave a container without ending it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp::client {

class DetachKeys {
 public:
  static constexpr char kDefault[] = "ctrl-p,ctrl-q";

  // "ctrl-p,ctrl-q", "ctrl-@,x", "a": keys with commas between. "" has none. InvalidArgument for what is no key.
  static absl::StatusOr<DetachKeys> Parse(absl::string_view text);

  struct Result {
    std::string pass;       // for the container: what was typed and is no beginning of the keys
    bool detached = false;  // all keys have come; what follows is dropped
  };
  // The keys may come in parts.
  Result Feed(absl::string_view typed);

 private:
  explicit DetachKeys(std::string keys) : keys_(std::move(keys)) {}

  std::string keys_;
  size_t seen_ = 0;  // of keys_
};

}  // namespace crisp::client
