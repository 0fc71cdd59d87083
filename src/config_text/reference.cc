#include "config_text/reference.h"

#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "config/at_start.h"
#include "config/key.h"
#include "config/key_path.h"
#include "config/key_texts.h"
#include "config_text/config_file_text.h"
#include "config_text/explain.h"
#include "config_text/mdoc.h"
#include "config_text/toml_text.h"

namespace crisp {
namespace {

constexpr char kIntroduction[] =
    R"(crispd reads containerd's configuration file, of version 1 to 4, as it is. Version 1, which is also that of a file
without a version, is read as version 2 with the later names of its plugins. Keys of later versions count in older files.
crisp's own keys are in the table [crisp], which containerd ignores.

A key is honoured; or it is about something that crisp does not have, and a value other than the default is named in a
warning; or, where the loss would lower security, such a value is refused and crispd does not start. A key that crispd does
not know is named in a warning, with the key that was probably meant. A runtime that crispd cannot run refuses its own pods
only.

crispd reads its files again when it gets SIGHUP (`systemctl reload crispd`), and never by itself. What has changed counts
for what comes after: the next pull, the next pod, the next container. Pods keep the runtime and the network that they were
made with, also when the configuration does not have them any more. A file with a fault changes nothing, and the log says what
is wrong and where. A key of which the table below says so waits for the next start; the log names it.)";

struct Group {
  Policy policy;
  const char* title;
  const char* text;
};
constexpr Group kGroups[] = {
    {Policy::kHonoured, "Keys that are honoured", "In the tables that version 3 of the file has them in."},
    {Policy::kRefused, "Keys that are refused", "crispd does not start with another value than the default."},
    {Policy::kDefaultOnly, "Keys with one value", "crisp has the default only. Another value is named in a warning."},
    {Policy::kMeaningless, "Keys without a use",
     "They are about parts of containerd that crisp does not have. Another value than the default is named in a "
     "warning."},
};

// The path in version 3, or before that where it has none, with NAME for what the user chooses.
KeyPath PathOf(const Key& key) {
  KeyPath path = PatternOf(key, kWrittenVersion);
  if (path.empty()) path = PatternOf(key, 2);
  for (std::string& name : path) {
    if (name == "*") name = "NAME";
  }
  return path;
}

std::string TableOf(const KeyPath& path) {
  return path.size() == 1 ? "the top of the file"
                          : absl::StrCat("[", ShowPath(KeyPath(path.begin(), path.end() - 1)), "]");
}

std::string NameOf(const KeyPath& path) {
  return path.back() == "**" ? "..." : ShowPath({path.back()});
}

std::string SinceOf(const Key& key) {
  const KeyText& text = TextOf(key);
  return *text.since == '\0' ? "crisp" : text.since;
}

std::string DefaultsOf(const Key& key) {
  const std::string before = DefaultOf(key, 2), now = DefaultOf(key, kWrittenVersion);
  return before == now ? now : absl::StrCat(now, " (version 2: ", before, ")");
}

// What is said of a key beside its meaning.
std::string RemarkOf(const Key& key) {
  if (IsReadAtStart(key)) return " A change needs a restart of crispd.";
  if (*key.note == '\0') return "";
  return absl::StrCat(" crisp: ", key.note, ".");
}

struct Section {
  std::string table;
  std::vector<const Key*> keys;
};

// The keys of a policy by their tables, in the order of the table of keys.
std::vector<Section> SectionsOf(Policy policy) {
  std::vector<Section> sections;
  std::map<std::string, size_t> places;
  for (const Key& key : Keys()) {
    if (key.policy != policy || key.type == ValueType::kTable) continue;
    const std::string table = TableOf(PathOf(key));
    if (places.emplace(table, sections.size()).second) sections.push_back({table, {}});
    sections[places.at(table)].keys.push_back(&key);
  }
  return sections;
}

std::string Cell(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"|", "\\|"}, {"*", "\\*"}, {"<", "&lt;"}});
}

std::string Code(absl::string_view text) {
  return text.empty() ? "" : absl::StrCat("`", absl::StrReplaceAll(text, {{"|", "\\|"}}), "`");
}

std::string Row(const Key& key) {
  return absl::StrCat("| ", Code(NameOf(PathOf(key))), " | ", Cell(TypeOf(key)), " | ", Code(DefaultsOf(key)), " | ",
                      SinceOf(key), " | ", Cell(absl::StrCat(TextOf(key).meaning, RemarkOf(key))), " |\n");
}

std::string Item(const Key& key) {
  const std::string defaults = DefaultsOf(key);
  std::string text = absl::StrCat(".It Va \\&", MdocText(NameOf(PathOf(key))), "\n");
  for (const std::string& line : WrapText(absl::StrCat(TextOf(key).meaning, RemarkOf(key)), 100)) {
    absl::StrAppend(&text, MdocText(line), "\n");
  }
  const std::string facts =
      absl::StrCat("(", TypeOf(key), defaults.empty() ? "" : absl::StrCat("; default: ", defaults),
                   *TextOf(key).since == '\0' ? "" : absl::StrCat("; since containerd ", SinceOf(key)), ")");
  return absl::StrCat(text, MdocText(facts), "\n");
}

}  // namespace

std::string ConfigurationPage() {
  std::string page = absl::StrCat(
      "# Configuration\n\n<!-- Written by the target \"docs\" from the table of keys; do not edit. -->\n\n",
      kIntroduction,
      "\n\n`crispd config default` prints a file with every key and its meaning, `crispd config check FILE` says what "
      "crispd makes of\na file, `crispd config explain KEY` has what stands here, and `crispd config migrate FILE` "
      "brings a "
      "file to version ",
      kWrittenVersion, ".\n");
  for (const Group& group : kGroups) {
    const std::vector<Section> sections = SectionsOf(group.policy);
    if (sections.empty()) continue;
    absl::StrAppend(&page, "\n## ", group.title, "\n\n", group.text, "\n");
    for (const Section& section : sections) {
      const bool is_table = section.table[0] == '[';
      absl::StrAppend(&page, "\n### ", is_table ? Code(section.table) : "At the top of the file",
                      "\n\n| Key | Type | Default | Since | Meaning |\n|---|---|---|---|---|\n");
      for (const Key* key : section.keys) page += Row(*key);
    }
  }
  return page;
}

std::string ConfigurationManual() {
  std::string page =
      absl::StrCat(".\\\" Written by the target \"docs\" from the table of keys; do not edit.\n.Dd ", kManualDate,
                   "\n.Dt CRISPD-CONFIG 5\n.Os crisp\n.Sh NAME\n.Nm crispd-config\n"
                   ".Nd configuration file of crispd\n.Sh DESCRIPTION\n",
                   MdocParagraphs(kIntroduction));
  for (const Group& group : kGroups) {
    const std::vector<Section> sections = SectionsOf(group.policy);
    if (sections.empty()) continue;
    absl::StrAppend(&page, ".Sh ", absl::AsciiStrToUpper(group.title), "\n", MdocText(group.text), "\n");
    for (const Section& section : sections) {
      absl::StrAppend(&page, ".Ss ", MdocText(section.table), "\n.Bl -tag -width Ds\n");
      for (const Key* key : section.keys) page += Item(*key);
      page += ".El\n";
    }
  }
  return absl::StrCat(page,
                      ".Sh FILES\n.Bl -tag -width Ds\n.It Pa /etc/crisp/config.toml\n"
                      "The file that the systemd unit of crispd names.\n.El\n.Sh SEE ALSO\n.Xr crispd 8\n");
}

}  // namespace crisp
