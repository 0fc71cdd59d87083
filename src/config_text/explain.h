// What a key of the configuration file is for, in words.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "config/key.h"

namespace crisp {

// The keys that `query` may mean: the path of a key in any version of the file, or else the end of one. Dots separate
// names; quotation marks may be missing, as a shell takes them away; what the user chooses ("runc") may be any name.
std::vector<const Key*> FindKeys(absl::string_view query);

// All that is known of the key, in some lines.
std::string ExplainKey(const Key& key);

// In a sentence: what crisp does with the key.
std::string PolicyOf(const Key& key);

// In words: "text", "list of texts"; and the default as it stands in a file of `version`.
std::string TypeOf(const Key& key);
std::string DefaultOf(const Key& key, int version);

// Where the key is in each version of the file that has it, the older names first: "version 2: ...". The names that the
// user chooses are NAME.
std::vector<std::string> PlacesOf(const Key& key);

// Its path in version 2 without the long names of the CRI's plugins: "cri.cni.bin_dir".
std::string ShortPath(const Key& key);

}  // namespace crisp
