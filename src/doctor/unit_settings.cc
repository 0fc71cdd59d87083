#include "doctor/unit_settings.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/call_context.h"
#include "base/default_path.h"
#include "os/process.h"

namespace crisp {
namespace {

// In the order of systemd.unit(5), "Unit File Load Path".
constexpr const char* kDirectories[] = {"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                                        "/usr/lib/systemd/system", "/lib/systemd/system"};
constexpr const char* kSystemctl[] = {"/usr/bin/systemctl", "/bin/systemctl"};

std::optional<UnitSettings> FromFiles(const HostTree& tree, const std::string& unit) {
  UnitSettings settings;
  for (const char* directory : kDirectories) {
    const std::string file = absl::StrCat(directory, "/", unit);
    if (!settings.file.empty() || !tree.Has(file)) continue;
    settings.file = file;
    AddSettings(tree.Read(file).value_or(""), &settings.values);
  }
  if (settings.file.empty()) return std::nullopt;
  for (const char* directory : kDirectories) {
    const std::string drop_ins = absl::StrCat(directory, "/", unit, ".d");
    for (const std::string& name : tree.List(drop_ins)) {
      if (absl::EndsWith(name, ".conf"))
        AddSettings(tree.Read(absl::StrCat(drop_ins, "/", name)).value_or(""), &settings.values);
    }
  }
  settings.enabled = tree.Has(absl::StrCat("/etc/systemd/system/multi-user.target.wants/", unit));
  return settings;
}

std::optional<UnitSettings> FromSystemd(const HostTree& tree, const std::string& unit, const CallContext& call) {
  for (const char* program : kSystemctl) {
    if (!tree.Has(program)) continue;
    Command command;
    command.path = tree.At(program);
    command.args = {"show", "--no-pager", unit};
    command.env = {absl::StrCat("PATH=", kDefaultPath), "LC_ALL=C"};
    const auto shown = RunCommand(command, call);
    if (!shown.ok() || !shown->ok()) return std::nullopt;
    UnitSettings settings;
    AddSettings(shown->output, &settings.values);
    settings.file = settings.Get("FragmentPath", "");
    settings.enabled = absl::StartsWith(settings.Get("UnitFileState", ""), "enabled");
    if (settings.file.empty()) return std::nullopt;
    return settings;
  }
  return std::nullopt;
}

}  // namespace

std::string UnitSettings::Get(const std::string& key, const std::string& absent) const {
  const auto found = values.find(key);
  return found == values.end() ? absent : found->second;
}

void AddSettings(absl::string_view text, std::map<std::string, std::string>* values) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    const size_t equals = line.find('=');
    if (equals == absl::string_view::npos || line[0] == '#' || line[0] == ';') continue;
    (*values)[std::string(absl::StripAsciiWhitespace(line.substr(0, equals)))] =
        std::string(absl::StripAsciiWhitespace(line.substr(equals + 1)));
  }
}

std::optional<UnitSettings> ReadUnit(const HostTree& tree, const std::string& unit, const CallContext& call) {
  if (tree.Has("/run/systemd/system")) {
    if (auto settings = FromSystemd(tree, unit, call); settings.has_value()) return settings;
  }
  return FromFiles(tree, unit);
}

}  // namespace crisp
