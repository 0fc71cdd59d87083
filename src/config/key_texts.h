// What people are told of each key: in the commented default file, by `crispd config explain`, and in the manual.
#pragma once

#include "absl/types/span.h"
#include "config/key.h"

namespace crisp {

struct KeyText {
  const char* path;          // Key::path
  const char* since;         // the first containerd with the key: "1.6"; empty: it is crisp's own
  const char* meaning;       // what it is for, in sentences
  const char* example = "";  // a value as it stands in a file; empty: the default shows well enough what it looks like
};

// One for each key, in no particular order.
absl::Span<const KeyText> KeyTexts();

// The one of `key`. There must be one; keys_test.cc sees to it.
const KeyText& TextOf(const Key& key);

}  // namespace crisp
