#include "commands/manual.h"

#include <fstream>
#include <iterator>
#include <string>

#include "config_text/reference.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kRemedy[] = "the committed page is stale: build the target \"docs\" and commit what it writes";

std::string Committed(const std::string& name) {
  std::ifstream file(DOCS_DIR "/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ManualTest, TheCommittedPagesAreWhatIsGenerated) {
  EXPECT_TRUE(Committed("configuration.md") == ConfigurationPage()) << "docs/configuration.md: " << kRemedy;
  EXPECT_TRUE(Committed("man/crispd.8") == CommandManual()) << "docs/man/crispd.8: " << kRemedy;
  EXPECT_TRUE(Committed("man/crispd-config.5") == ConfigurationManual()) << "docs/man/crispd-config.5: " << kRemedy;
}

TEST(ManualTest, ThePagesHaveEveryCommandAndEveryKind) {
  EXPECT_THAT(CommandManual(), AllOf(HasSubstr(".Ss crispd config migrate"), HasSubstr(".It Fl \\-config Ar FILE"),
                                     HasSubstr(".It Fl h Fl \\-help")));
  EXPECT_THAT(ConfigurationPage(), AllOf(HasSubstr("| `SystemdCgroup` |"), HasSubstr("## Keys that are refused")));
  EXPECT_THAT(ConfigurationManual(), HasSubstr(".It Va \\&SystemdCgroup"));
}

}  // namespace
}  // namespace crisp
