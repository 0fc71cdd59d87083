#include "commands/manual.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "commands/command_line.h"
#include "config_text/mdoc.h"

namespace crisp {
namespace {

// "--config FILE" as mdoc has it: "Fl \-config Ar FILE".
std::string Marked(absl::string_view option) {
  std::string marked;
  for (absl::string_view word : absl::StrSplit(option, ' ', absl::SkipEmpty())) {
    const bool is_flag = absl::ConsumePrefix(&word, "-");
    absl::StrAppend(&marked, marked.empty() ? "" : " ", is_flag ? "Fl " : "Ar ", MdocText(word));
  }
  return marked;
}

std::string OptionList(const CommandHelp& help) {
  std::string list = ".Bl -tag -width Ds\n";
  for (const OptionHelp& option : help.options) {
    absl::StrAppend(&list, ".It ", Marked(option.name), "\n", MdocText(option.text), ".\n");
  }
  return list + ".El\n";
}

std::string Synopsis(const std::vector<CommandHelp>& helps) {
  std::string text = ".Nm\n.Op Fl \\-config Ar FILE\n";
  for (size_t i = 1; i < helps.size(); ++i) {
    absl::string_view name = helps[i].name;
    absl::ConsumePrefix(&name, "crispd ");
    absl::StrAppend(&text, ".Nm\n.Cm ", MdocText(name), "\n");
    for (const OptionHelp& option : helps[i].options) {
      if (option.name == "-h --help") continue;
      const bool is_operand = option.name[0] != '-';
      absl::StrAppend(&text, is_operand ? "." : ".Op ", Marked(option.name), "\n");
    }
  }
  return text;
}

}  // namespace

std::string CommandManual() {
  const std::vector<CommandHelp> helps = CommandHelps();
  std::string page = absl::StrCat(
      ".\\\" Written by the target \"docs\" from the texts of --help; do not edit.\n.Dd ", kManualDate,
      "\n.Dt CRISPD 8\n.Os crisp\n.Sh NAME\n.Nm crispd\n", ".Nd container runtime for Kubernetes\n.Sh SYNOPSIS\n",
      Synopsis(helps), ".Sh DESCRIPTION\n", MdocText(helps[0].text), "\n.Pp\n", MdocParagraphs(helps[0].footer),
      ".Sh OPTIONS\n", OptionList(helps[0]), ".Sh COMMANDS\n");
  for (size_t i = 1; i < helps.size(); ++i) {
    absl::StrAppend(&page, ".Ss ", MdocText(helps[i].name), "\n", MdocText(helps[i].text), ".\n", OptionList(helps[i]),
                    ".Pp\n", MdocParagraphs(helps[i].footer));
  }
  return absl::StrCat(page, ".Sh SEE ALSO\n.Xr crispd-config 5\n");
}

}  // namespace crisp
