// What a configuration file says of one key, and what crisp does about it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/key.h"
#include "config/key_path.h"
#include "config/value.h"

namespace crisp {

enum class KeyVerdict {
  kHonoured,  // does what it says
  kDefault,   // has no effect, and stands at its default
  kNoEffect,  // has no effect, though it stands at another value
  kUnknown,   // crisp knows no such key
  kRenamed,   // no key but the name of a plugin, which is read as its later one
  kRefused,   // an error
};

struct KeyFinding {
  std::string file;
  uint32_t line = 0;               // 0: of the whole file, which `remarks` then name
  KeyPath path;                    // as in a file of its version; plugins of version 1 have their later names
  const Key* key = nullptr;        // null: none that crisp knows
  std::vector<std::string> names;  // what stands for the stars of the key
  KeyVerdict verdict = KeyVerdict::kHonoured;
  FileValue value;                   // of a key that is known, without `table`; may be a secret (Key::secret)
  std::vector<std::string> remarks;  // warnings and errors, to be read after the key
};

}  // namespace crisp
