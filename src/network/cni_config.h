// CNI network configurations: the files of conf_dir (CNI spec 1.0.0, section 1, "Network configuration format").
//
// A .conflist is a list of plugins; a .conf or .json is one plugin, here wrapped into a list of one. Versions 0.3.0 to
// 1.1.0 are taken: earlier ones have results of another form, and 1.1.0 differs from 1.0.0 only in verbs not used here.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "network/json.h"

namespace crisp {

struct CniConfigList {
  std::string file;  // its name without the directory: what errors call it
  std::string name;
  std::string version;
  Json plugins;  // an array of at least one object, each with a valid "type"

  // As a .conflist holds it.
  Json ToJson() const;
};

// `file` decides by its extension what `text` must be. Errors say what is wrong, without the name of the file.
absl::StatusOr<CniConfigList> ParseCniConfig(const std::string& file, absl::string_view text);

struct CniConfigs {
  std::vector<CniConfigList> networks;
  std::vector<std::string> faults;  // "10-x.conflist: what is wrong", one a file that was passed over
};

// The first `max` valid configurations of `dir` in the order of their file names; 0: all. A directory that does not
// exist has none.
CniConfigs LoadCniConfigs(const std::string& dir, int max);

// True for an id or name as CNI allows it: letters, digits, '_', '.', '-'; a letter or digit first.
bool IsCniName(absl::string_view text);

// True if version `a` is older than `b`; both are versions that ParseCniConfig takes.
bool CniVersionLess(absl::string_view a, absl::string_view b);

}  // namespace crisp
