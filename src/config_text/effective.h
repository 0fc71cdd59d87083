// A configuration key by key: the value that counts, and where it comes from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "config/config.h"
#include "config/key.h"
#include "config/key_finding.h"

namespace crisp {

struct Origin {
  std::string file;
  uint32_t line;
  std::string said;  // what stands there (FileValue::shown), if another value counts: state gets "/crisp" behind it
};

struct EffectiveValue {
  const Key* key;
  std::vector<std::string> names;  // what stands for the stars of the key
  FileValue value;                 // may be a secret (Key::secret)
  std::optional<Origin> origin;    // nothing: a default
};

// Every key that crisp honours, in the order in which a file has them best. Of keys with stars those that `config` has.
// `findings` are those of the files that `config` was read from.
std::vector<EffectiveValue> EffectiveValues(const Config& config, absl::Span<const KeyFinding> findings);

}  // namespace crisp
