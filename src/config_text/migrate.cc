#include "config_text/migrate.h"

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "config/config_file.h"
#include "config/endpoint.h"
#include "config/load_config.h"
#include "config_text/config_file_text.h"
#include "config_text/moved_keys.h"
#include "config_text/toml_lines.h"
#include "config_text/toml_text.h"

namespace crisp {
namespace {

using Kind = TomlItem::Kind;
using Lines = std::vector<std::string>;

constexpr char kUnprivileged[] = "# As in containerd 1.x; since version 3 the default is true.";

// A table of the file: its header, and its keys with the comments above each.
struct Section {
  Lines above;                 // comments right above the header, and an empty line before them
  TomlItem* header = nullptr;  // null: the beginning of the file
  KeyPath table;
  struct Entry {
    Lines above;
    TomlItem* key;
  };
  std::vector<Entry> entries;
  Lines rest;  // below the last key
};

KeyPath Joined(KeyPath path, const KeyPath& more) {
  path.insert(path.end(), more.begin(), more.end());
  return path;
}

bool StartsWith(const KeyPath& path, const KeyPath& beginning) {
  return path.size() >= beginning.size() && std::equal(beginning.begin(), beginning.end(), path.begin());
}

std::string Indentation(absl::string_view line) {
  return std::string(line.substr(0, std::min(line.find_first_not_of(" \t"), line.size())));
}

// Where in `text`, from `start` on, the first of `marks` is that is not inside of a quoted name.
size_t FindOutsideOfNames(absl::string_view text, size_t start, absl::string_view marks) {
  char quote = 0;
  for (size_t i = start; i < text.size(); ++i) {
    if (quote != 0) {
      if (quote == '"' && text[i] == '\\') ++i;
      if (i < text.size() && text[i] == quote) quote = 0;
    } else if (text[i] == '"' || text[i] == '\'') {
      quote = text[i];
    } else if (absl::StrContains(marks, text[i])) {
      return i;
    }
  }
  return text.size();
}

// A header's line for another table.
std::string WithTable(const std::string& line, const KeyPath& table) {
  const size_t end = FindOutsideOfNames(line, line.find('[') + 1, "]");
  return absl::StrCat(Indentation(line), "[", TomlPath(table), line.substr(end));
}

// The first line of a key under another name.
std::string WithName(const std::string& line, const KeyPath& name) {
  const size_t equals = FindOutsideOfNames(line, 0, "=");
  const absl::string_view old = absl::string_view(line).substr(0, equals);
  const size_t blanks = old.size() - absl::StripTrailingAsciiWhitespace(old).size();
  return absl::StrCat(Indentation(line), TomlPath(name), std::string(blanks, ' '), line.substr(equals));
}

Lines AsComments(const Lines& lines) {
  Lines comments;
  for (const std::string& line : lines) {
    const std::string indentation = Indentation(line);
    comments.push_back(absl::StrCat(indentation, "# ", line.substr(indentation.size())));
  }
  return comments;
}

void Append(const Lines& lines, Lines* to) {
  to->insert(to->end(), lines.begin(), lines.end());
}

// Takes from the end of `lines` the comments right above what comes next, and an empty line before them.
Lines TakeAbove(Lines* lines) {
  auto begin = lines->end();
  const auto is_blank = [](const std::string& line) { return absl::StripAsciiWhitespace(line).empty(); };
  while (begin != lines->begin() && !is_blank(*std::prev(begin))) --begin;
  if (begin != lines->begin()) --begin;
  Lines above(begin, lines->end());
  lines->erase(begin, lines->end());
  return above;
}

std::vector<Section> SectionsOf(std::vector<TomlItem>* items) {
  std::vector<Section> sections(1);
  for (TomlItem& item : *items) {
    Section& last = sections.back();
    if (item.kind == Kind::kOther) {
      last.rest.push_back(item.lines[0]);
    } else if (item.kind == Kind::kKey) {
      last.entries.push_back({std::exchange(last.rest, {}), &item});
    } else {
      Section section;
      section.above = TakeAbove(&last.rest);
      section.header = &item;
      section.table = item.path;
      sections.push_back(std::move(section));
    }
  }
  return sections;
}

// Plugins of version 1 by their later names.
KeyPath WithPluginNames(KeyPath path, int version) {
  if (version == 1 && path.size() > 1 && path[0] == "plugins") path[1] = PluginOfVersion1(path[1]);
  return path;
}

void CollectLeaves(const toml::table& table, const KeyPath& path, std::vector<KeyPath>* leaves) {
  for (const auto& [name, node] : table) {
    const KeyPath inner = Joined(path, {std::string(name.str())});
    const toml::table* below = node.as_table();
    if (below != nullptr && !below->empty()) {
      CollectLeaves(*below, inner, leaves);
    } else {
      leaves->push_back(inner);
    }
  }
}

// Writes the file anew, section by section.
class Migrator {
 public:
  Migrator(const ConfigFile& file, const Reading& before, bool drop_in)
      : version_(file.version), before_(before), drop_in_(drop_in) {}

  absl::StatusOr<MigratedFile> Run(const std::string& content, const toml::table& table) {
    ASSIGN_OR_RETURN(std::vector<TomlItem> items, SplitToml(content, table));
    for (const Section& section : SectionsOf(&items)) Add(section);
    if (version_ < kWrittenVersion) FinishVersion();
    if (!errors_.empty()) return absl::InvalidArgumentError(absl::StrJoin(errors_, "\n"));
    return MigratedFile{Text(), std::move(notes_)};
  }

 private:
  struct Table {
    Lines lines;
  };
  // A key's new table and its name there; nothing: it becomes a comment.
  struct Place {
    KeyPath table;
    KeyPath name;
  };

  void Add(const Section& section) {
    if (section.header != nullptr && section.header->kind == Kind::kArray) return AddVerbatim(section);
    const Section* unplaced = &section;  // until its header is somewhere
    Table* table = section.header == nullptr ? TableAt({}, &unplaced) : nullptr;
    for (const Section::Entry& entry : section.entries) {
      const std::optional<Place> place = PlaceOf(section, *entry.key);
      if (place) {
        table = TableAt(place->table, &unplaced, section.header);
        Append(entry.above, &table->lines);
        AddKey(*entry.key, *place, table);
      } else {
        if (table == nullptr) table = TableOrComment(section, &unplaced);
        Append(entry.above, &table->lines);
        Append(AsComments(entry.key->lines), &table->lines);
        NoteComment(*entry.key, Joined(section.table, entry.key->path));
      }
    }
    if (table == nullptr) table = TableOrComment(section, &unplaced);
    Append(section.rest, &table->lines);
  }

  // Tables of arrays stay where they are.
  void AddVerbatim(const Section& section) {
    Table& table = tables_.emplace_back();
    Append(section.above, &table.lines);
    Append(section.header->lines, &table.lines);
    for (const Section::Entry& entry : section.entries) {
      Append(entry.above, &table.lines);
      Append(entry.key->lines, &table.lines);
    }
    Append(section.rest, &table.lines);
  }

  // The table at `path`, which begins here if it is not there yet. `unplaced`, unless null, gives its header to it.
  Table* TableAt(const KeyPath& path, const Section** unplaced, const TomlItem* like = nullptr) {
    const Section* section = std::exchange(*unplaced, nullptr);
    const auto found = places_.find(path);
    if (found != places_.end()) {
      if (section != nullptr) Append(section->above, &found->second->lines);
      return found->second;
    }
    Table* table = &tables_.emplace_back();
    places_[path] = table;
    if (path.empty()) return table;
    if (section != nullptr) {
      Append(section->above, &table->lines);
      table->lines.push_back(HeaderOf(*section, path));
    } else {
      table->lines.push_back("");
      table->lines.push_back(
          absl::StrCat(like == nullptr ? "" : Indentation(like->lines[0]), "[", TomlPath(path), "]"));
    }
    return table;
  }

  std::string HeaderOf(const Section& section, const KeyPath& path) {
    const std::string& line = section.header->lines[0];
    if (path == section.table) return line;
    ++moved_;
    return WithTable(line, path);
  }

  // Where the header of a section goes of which no key has a place. One without a place is a comment in the table
  // before.
  Table* TableOrComment(const Section& section, const Section** unplaced) {
    const std::optional<KeyPath> place = PlaceOfTable(WithPluginNames(section.table, version_), version_);
    if (place) return TableAt(*place, unplaced, section.header);
    *unplaced = nullptr;
    Table* const last = &tables_.back();
    Append(section.above, &last->lines);
    Append(AsComments(section.header->lines), &last->lines);
    NoteComment(*section.header, section.table);
    return last;
  }

  std::optional<Place> PlaceOf(const Section& section, const TomlItem& key) {
    const KeyPath old = Joined(section.table, key.path);
    const std::optional<KeyPath> path = PathOf(WithPluginNames(old, version_), key);
    if (!path) return std::nullopt;
    // A name with dots stays in a table that is on its new way as well.
    if (StartsWith(*path, section.table) && path->size() > section.table.size()) {
      return Place{section.table, KeyPath(path->begin() + section.table.size(), path->end())};
    }
    const size_t names = key.path.size();
    const bool same_name = path->size() > names && std::equal(key.path.begin(), key.path.end(), path->end() - names);
    const auto split = path->end() - (same_name ? names : 1);
    return Place{KeyPath(path->begin(), split), KeyPath(split, path->end())};
  }

  // The new path of a key. An inline table moves as one, if its keys do.
  std::optional<KeyPath> PathOf(const KeyPath& old, const TomlItem& key) {
    const toml::table* inline_table = key.value->as_table();
    if (inline_table == nullptr) return PlaceOfKey(old, version_);
    if (inline_table->empty()) return PlaceOfTable(old, version_);
    std::vector<KeyPath> leaves;
    CollectLeaves(*inline_table, {}, &leaves);
    std::optional<KeyPath> place;
    for (const KeyPath& leaf : leaves) {
      std::optional<KeyPath> path = PlaceOfKey(Joined(old, leaf), version_);
      const bool fits =
          path && path->size() > leaf.size() && std::equal(leaf.begin(), leaf.end(), path->end() - leaf.size());
      if (fits) path->resize(path->size() - leaf.size());
      if (!fits || (place && *place != *path)) {
        errors_.push_back(absl::StrCat("line ", key.line, ": ", ShowPath(old), " has keys that version ",
                                       kWrittenVersion,
                                       " has in several tables; write it as a [table] with a line for each key"));
        return old;
      }
      place = path;
    }
    return place;
  }

  void AddKey(const TomlItem& key, const Place& place, Table* table) {
    Lines lines = key.lines;
    const KeyPath path = Joined(place.table, place.name);
    if (place.name != key.path) lines[0] = WithName(lines[0], place.name);
    if (path == KeyPath{"version"} && version_ < kWrittenVersion) SetVersion(&lines[0]);
    if (path.size() > 3 && path.back() == "endpoint" && path[path.size() - 3] == "mirrors") MendEndpoints(key, &lines);
    Append(lines, &table->lines);
  }

  void SetVersion(std::string* line) {
    const size_t begin = line->find_first_not_of(" \t", line->find('=') + 1);
    const size_t end = std::min(line->find_first_of(" \t\r#", begin), line->size());
    line->replace(begin, end - begin, absl::StrCat(kWrittenVersion));
    has_version_ = true;
  }

  void MendEndpoints(const TomlItem& key, Lines* lines) {
    const toml::array* endpoints = key.value->as_array();
    for (size_t i = 0; endpoints != nullptr && i < endpoints->size(); ++i) {
      const std::string endpoint = endpoints->get(i)->value_or(std::string());
      const std::string mended = WithApiRoot(endpoint);
      if (mended == endpoint) continue;
      if (!Replace(endpoint, mended, lines)) {
        errors_.push_back(absl::StrCat("line ", key.line, ": write the endpoint plainly: ", mended));
      }
      notes_.push_back(absl::StrCat("line ", key.line, ": ", endpoint, " is now ", mended));
    }
  }

  // A string as a whole, in its quotation marks.
  static bool Replace(const std::string& text, const std::string& by, Lines* lines) {
    for (std::string& line : *lines) {
      if (absl::StartsWith(absl::StripLeadingAsciiWhitespace(line), "#")) continue;
      for (const char quote : {'"', '\''}) {
        const std::string quoted = std::string(1, quote) + text + quote;
        const size_t at = line.find(quoted);
        if (at == std::string::npos) continue;
        line.replace(at + 1, text.size(), by);
        return true;
      }
    }
    return false;
  }

  void NoteComment(const TomlItem& item, const KeyPath& path) {
    notes_.push_back(absl::StrCat("line ", item.line, ": ", ShowPath(path), " has no place in version ",
                                  kWrittenVersion, ", and is now a comment"));
  }

  void FinishVersion() {
    if (!has_version_)
      tables_.front().lines.insert(tables_.front().lines.begin(), absl::StrCat("version = ", kWrittenVersion));
    if (!drop_in_) {
      AddUnprivileged("enable_unprivileged_ports");
      AddUnprivileged("enable_unprivileged_icmp");
    }
    notes_.insert(notes_.begin(), absl::StrCat("version ", version_, " is now ", kWrittenVersion, "; ", moved_,
                                               " tables have the names of its plugins"));
  }

  // The default of version 1 and 2, where they say nothing.
  void AddUnprivileged(const std::string& name) {
    const bool said = std::any_of(before_.findings.begin(), before_.findings.end(), [&](const KeyFinding& finding) {
      return finding.key != nullptr && finding.path.back() == name;
    });
    if (said) return;
    const Section* none = nullptr;
    Table* const table = TableAt({"plugins", "io.containerd.cri.v1.runtime"}, &none);
    const std::string indentation = table->lines.size() < 3 ? "  " : Indentation(table->lines.back());
    table->lines.push_back(indentation + kUnprivileged);
    table->lines.push_back(absl::StrCat(indentation, name, " = false"));
    notes_.push_back(absl::StrCat(name, " = false is added, the default of version ", version_));
  }

  std::string Text() const {
    std::string text;
    for (const Table& table : tables_) {
      for (const std::string& line : table.lines) absl::StrAppend(&text, line, "\n");
    }
    return text;
  }

  const int version_;
  const Reading& before_;
  const bool drop_in_;
  std::list<Table> tables_;           // as they stand in the new file
  std::map<KeyPath, Table*> places_;  // those with a header, by path; the beginning of the file by {}
  bool has_version_ = false;
  int moved_ = 0;  // headers
  std::vector<std::string> notes_;
  std::vector<std::string> errors_;
};

// Everything that crisp refuses, a line each.
absl::Status Refusals(const Reading& reading) {
  std::string text = "crispd refuses this file, so it is not migrated; decide first on";
  for (const KeyFinding& finding : reading.findings) {
    if (finding.verdict != KeyVerdict::kRefused) continue;
    absl::StrAppend(&text, "\n  ",
                    finding.path.empty() ? "" : absl::StrCat("line ", finding.line, ": ", ShowPath(finding.path), ": "),
                    absl::StrJoin(finding.remarks, "; "));
  }
  return absl::InvalidArgumentError(text);
}

// What the migrated file has to mean.
Config Expected(Config config, const Config& after, bool drop_in) {
  for (auto& [host, endpoints] : config.registry.mirrors) {
    for (std::string& endpoint : endpoints) endpoint = WithApiRoot(endpoint);
  }
  if (drop_in) {
    config.security.enable_unprivileged_ports = after.security.enable_unprivileged_ports;
    config.security.enable_unprivileged_icmp = after.security.enable_unprivileged_icmp;
  }
  return config;
}

absl::Status MakeSure(const std::string& path, const Reading& before, const std::string& content, bool drop_in) {
  const Reading after = ReadConfigurationText(path, content);
  RETURN_IF_ERROR(
      after.config.status(),
      "nothing is written, since the migrated file cannot be read; write keys with dotted names as a [table] with a "
      "line for each key, and try again");
  if (Expected(*before.config, *after.config, drop_in) == *after.config) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("nothing is written, since the migrated ", path,
                                                 " would mean something else; this is a bug in crisp"));
}

}  // namespace

absl::StatusOr<MigratedFile> MigrateFile(const std::string& path, const std::string& content, bool drop_in) {
  const Reading before = ReadConfigurationText(path, content);
  if (!before.config.ok()) return Refusals(before);
  std::vector<std::string> warnings;
  ASSIGN_OR_RETURN(const ConfigFile file, ParseConfigText(path, content, &warnings));
  if (file.table.empty()) return MigratedFile{content, {}};
  ASSIGN_OR_RETURN(MigratedFile migration, Migrator(file, before, drop_in).Run(content, file.table), path);
  RETURN_IF_ERROR(MakeSure(path, before, migration.content, drop_in));
  return migration;
}

}  // namespace crisp
