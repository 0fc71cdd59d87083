#include "config_text/mdoc.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace crisp {

std::string MdocText(absl::string_view text) {
  const std::string escaped = absl::StrReplaceAll(text, {{"\\", "\\e"}, {"\"", "\\(dq"}, {"-", "\\-"}});
  return absl::StartsWith(escaped, ".") || absl::StartsWith(escaped, "'") ? absl::StrCat("\\&", escaped) : escaped;
}

std::string MdocParagraphs(absl::string_view text) {
  std::string mdoc;
  bool in_example = false;
  const auto end_example = [&] {
    if (in_example) mdoc += ".Ed\n";
    in_example = false;
  };
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::ConsumePrefix(&line, "  ")) {
      if (!in_example) mdoc += ".Bd -literal -offset indent\n";
      in_example = true;
      absl::StrAppend(&mdoc, MdocText(line), "\n");
    } else if (line.empty()) {
      end_example();
      mdoc += ".Pp\n";
    } else {
      end_example();
      absl::StrAppend(&mdoc, MdocText(line), "\n");
    }
  }
  end_example();
  return mdoc;
}

}  // namespace crisp
