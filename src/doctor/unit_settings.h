// The settings of a systemd unit: from a running systemd, or from its files where none runs.
//
// Plain functions, callable from any thread.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "doctor/host_tree.h"

namespace crisp {

class CallContext;

struct UnitSettings {
  std::string file;                           // the unit's own
  std::map<std::string, std::string> values;  // "KillMode": "process"; the last one counts
  bool enabled = false;                       // starts with the node

  std::string Get(const std::string& key, const std::string& absent) const;
};

// Nothing if there is no such unit ("crispd.service").
std::optional<UnitSettings> ReadUnit(const HostTree& tree, const std::string& unit, const CallContext& call);

// The lines KEY=VALUE of a unit file, or of `systemctl show`, added to `values`.
void AddSettings(absl::string_view text, std::map<std::string, std::string>* values);

}  // namespace crisp
