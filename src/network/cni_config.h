// CNI network configurations: the files of conf_dir (CNI spec 1.0.0, section 1, "Network configuration format").
//
// A .conflist is a list of plugins; a .conf or .json file is a single plugin and is read as a list of one. Versions
// 0.3.0 to 1.1.0 are supported: earlier versions have results of another form.
//
// Plain functions, callable from any thread.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/json.h"

namespace crisp {

struct CniPlugin {
  std::string type;                    // the name of its program, without a directory
  std::set<std::string> capabilities;  // those that it declares as true
  Json config;                         // the whole object, "type" and "capabilities" included
};

struct CniConfigList {
  std::string file;                // name without directory, for errors
  std::string name;                // a CNI name
  std::string version;             // supported, see above
  std::vector<CniPlugin> plugins;  // at least one
  bool disable_gc = false;         // not part of ToJson
  bool disable_check = false;

  // OK if its plugins know the verb CHECK (spec 0.4.0) and the administrator does not forbid it; else Unimplemented,
  // with the reason.
  absl::Status HasCheck() const;

  // Its plugins know the verb STATUS (spec 1.1.0).
  bool HasStatus() const;
  // They know GC too, of the same version, and the administrator does not forbid it.
  bool CollectsGarbage() const;

  // In the form of a .conflist.
  Json ToJson() const;
};

// The extension of `file` says whether `text` is a list or a single plugin. Errors are Internal and say what is wrong,
// without the name of the file.
absl::StatusOr<CniConfigList> ParseCniConfig(const std::string& file, absl::string_view text);

struct CniConfigs {
  std::vector<CniConfigList> networks;
  std::vector<std::string> faults;  // "10-x.conflist: what is wrong", one for each file that was skipped
};

// The first `max` valid configurations of `dir` in the order of their file names; 0: all of them. A directory that does
// not exist has none.
CniConfigs LoadCniConfigs(const std::string& dir, int max);

// True for an id or name as CNI allows it: letters, digits, '_', '.', '-'; a letter or digit first.
bool IsCniName(absl::string_view text);

// True if version `a` is older than `b`. Both must be supported versions.
bool CniVersionLess(absl::string_view a, absl::string_view b);

}  // namespace crisp
