#include "runtime/runtime_version.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

constexpr char kRaces[] = "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881";
constexpr char kLeakAndRaces[] = "CVE-2024-21626, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881";

std::string HolesOf(const std::string& version) {
  const auto outdated = JudgeRuntimeVersion(absl::StrCat("runc version ", version, "\ncommit: x\nspec: 1.0.2-dev\n"));
  if (!outdated) return "";
  EXPECT_EQ(outdated->version, version);
  return outdated->holes;
}

TEST(RuntimeVersionTest, RuncHasTheHolesThatItsVersionHas) {
  for (const char* version : {"1.0.0-rc10", "1.0.3", "1.1.5+ds1", "1.1.11", "1.1.4-0ubuntu1~20.04.3"}) {
    EXPECT_EQ(HolesOf(version), kLeakAndRaces) << version;
  }
  for (const char* version : {"1.1.12", "1.1.15+ds1", "1.2.0-rc.1", "1.2.7", "1.2.8-rc.1", "1.3.0-rc.2+dev", "1.3.2",
                              "1.4.0-rc.1", "1.4.0-rc.2+dev", "1.4.0~rc2"}) {
    EXPECT_EQ(HolesOf(version), kRaces) << version;
  }
  for (const char* version :
       {"1.2.8", "1.2.10", "1.3.3", "1.3.3+ds1", "1.4.0-rc.3", "1.4.0", "1.4.0~rc3", "1.10.0", "2.0.0"}) {
    EXPECT_EQ(HolesOf(version), "") << version;
  }
}

TEST(RuntimeVersionTest, WhatIsNotRuncsVersionIsNotJudged) {
  for (const char* text : {"", "runc", "runc version ", "runc version unknown\n", "runc version 1\n",
                           "runc version 1.1\n", "runc version 1.1.\n", "runc version 99999999999.0.0\n",
                           "runc version -1.0.0\n", "crun version 1.1.5\n", "unc version 1.1.5\n", "\x7f\xff"}) {
    EXPECT_FALSE(JudgeRuntimeVersion(text).has_value()) << text;
  }
}

TEST(RuntimeVersionTest, ItIsReadWhateverStandsBehindIt) {
  EXPECT_EQ(JudgeRuntimeVersion("runc version 1.1.5")->version, "1.1.5");
  EXPECT_EQ(JudgeRuntimeVersion("runc version 1.1.5\r\n")->version, "1.1.5");
  EXPECT_EQ(JudgeRuntimeVersion("runc version 1.4.0-rc\n")->holes, kRaces);
}

}  // namespace
}  // namespace crisp
