#include "client/list_output.h"

#include <gtest/gtest.h>

namespace crisp::client {
namespace {

const std::vector<Column> kColumns = {{"ID", "ID"}, {"NAMES", "Name"}, {"MORE", "More", true}};
const std::vector<Row> kRows = {{{"ID", "1"}, {"Name", "grün"}, {"More", "x"}},
                                {{"ID", "22"}, {"Name", "b"}, {"More", "y: z"}}};

std::string Listed(const std::string& output, const std::string& format = "") {
  ListFormat form;
  form.output = output;
  form.format = format;
  return FormatList(form, kColumns, kRows).value_or("error");
}

TEST(ListOutputTest, TablesAreAlignedByCharacters) {
  EXPECT_EQ(Listed(""), "ID   NAMES\n1    grün\n22   b\n");
  EXPECT_EQ(Listed("wide"), "ID   NAMES   MORE\n1    grün    x\n22   b       y: z\n");
}

TEST(ListOutputTest, EveryForm) {
  EXPECT_EQ(Listed("name"), "grün\nb\n");
  EXPECT_EQ(Listed("template={{.ID}}"), "1\n22\n");
  EXPECT_EQ(Listed("", "table {{.ID}}\\t{{.Name}}"), "ID   NAMES\n1    grün\n22   b\n");
  EXPECT_EQ(Listed("", "json").substr(0, 9), "{\"ID\":\"1\"");
  EXPECT_EQ(Listed("yaml"), "- ID: \"1\"\n  Name: \"grün\"\n  More: x\n- ID: \"22\"\n  Name: b\n  More: \"y: z\"\n");
  EXPECT_EQ(Listed("xml"), "error");
}

TEST(ListOutputTest, TextIsCutAtCharacters) {
  EXPECT_EQ(CutAt("grüner", 4), "grü…");
  EXPECT_EQ(CutAt("grün", 4), "grün");
}

}  // namespace
}  // namespace crisp::client
