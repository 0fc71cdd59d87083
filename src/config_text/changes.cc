#include "config_text/changes.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/key_path.h"
#include "config_text/config_file_text.h"
#include "config_text/effective.h"
#include "config_text/toml_text.h"

namespace crisp {
namespace {

using Name = std::pair<const Key*, std::vector<std::string>>;

// Compared; of a secret it is never shown.
std::string Whole(const EffectiveValue& value) {
  return TomlValue(value.value, value.key->type);
}

std::string Shown(const Key& key, const std::string& whole) {
  return key.secret ? "" : whole;
}

std::string PlaceOf(const EffectiveValue& value) {
  return value.origin ? absl::StrCat(value.origin->file, ":", value.origin->line) : "";
}

std::map<Name, std::string> ByName(const std::vector<EffectiveValue>& values) {
  std::map<Name, std::string> by_name;
  for (const EffectiveValue& value : values) by_name[{value.key, value.names}] = Whole(value);
  return by_name;
}

}  // namespace

std::vector<Change> ChangesBetween(const Reading& before, const Reading& after) {
  std::vector<Change> changes;
  std::map<Name, std::string> old = ByName(EffectiveValues(*before.config, before.findings));
  for (const EffectiveValue& value : EffectiveValues(*after.config, after.findings)) {
    const auto known = old.extract({value.key, value.names});
    const std::string was = known.empty() ? "" : known.mapped();
    const std::string is = Whole(value);
    if (!known.empty() && was == is) continue;
    changes.push_back({value.key, ShowPath(WrittenPath(*value.key, value.names)), Shown(*value.key, was),
                       Shown(*value.key, is), PlaceOf(value)});
  }
  for (const auto& [name, was] : old) {
    changes.push_back({name.first, ShowPath(WrittenPath(*name.first, name.second)), Shown(*name.first, was), "", ""});
  }
  return changes;
}

}  // namespace crisp
