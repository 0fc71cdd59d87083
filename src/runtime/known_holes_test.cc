#include "runtime/known_holes.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

constexpr char kRaces[] = "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881";
constexpr char kLink[] = "CVE-2026-41579";
constexpr char kLeakAndRaces[] = "CVE-2024-21626, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881";

TEST(KnownHolesTest, RuncHasTheHolesThatItsVersionHas) {
  for (const char* version : {"1.0.0", "1.0.3", "1.1.5+ds1", "1.1.11", "1.1.4-0ubuntu1~20.04.3"}) {
    EXPECT_EQ(HolesOfRunc(version), kLeakAndRaces) << version;
  }
  for (const char* version : {"1.1.12", "1.1.15+ds1", "1.2.0-rc.1", "1.2.7", "1.2.8-rc.1", "1.3.0-rc.2+dev", "1.3.2",
                              "1.4.0-rc.1", "1.4.0-rc.2+dev", "1.4.0~rc2"}) {
    EXPECT_EQ(HolesOfRunc(version), kRaces) << version;
  }
  for (const char* version :
       {"1.2.8", "1.2.10", "1.3.3", "1.3.3+ds1", "1.4.0-rc.3", "1.4.0", "1.4.0~rc3", "1.10.0", "2.0.0"}) {
    EXPECT_EQ(HolesOfRunc(version), "") << version;
  }
}

TEST(KnownHolesTest, WhatIsNoVersionIsNotJudged) {
  for (const char* text : {"", "unknown", "1", "1.1.", "1.1x", "99999999999.0.0", "-1.0.0", "v1.1.5", "\x7f\xff"}) {
    EXPECT_EQ(HolesOfRunc(text), "") << text;
  }
}

TEST(KnownHolesTest, AnOldCandidateHasTheEscapesOfItsTimeToo) {
  EXPECT_EQ(HolesOfRunc("1.0.0-rc6"), std::string("CVE-2019-5736, CVE-2019-19921, CVE-2021-30465, ") + kLeakAndRaces);
  EXPECT_EQ(HolesOfRunc("1.0.0-rc10"), std::string("CVE-2021-30465, ") + kLeakAndRaces);
}

TEST(KnownHolesTest, AllHolesAreEscapesAndOthers) {
  const std::string races_and_link = absl::StrCat(kRaces, ", ", kLink);
  EXPECT_EQ(AllHolesOf("runc", "1.1.13"), "CVE-2024-45310, " + races_and_link);
  EXPECT_EQ(AllHolesOf("runc", "1.2.0-rc.2"), "CVE-2024-45310, " + races_and_link);
  EXPECT_EQ(AllHolesOf("runc", "1.1.14"), races_and_link);
  for (const char* version : {"1.2.8", "1.3.3", "1.3.5", "1.4.0", "1.4.2", "1.5.0-rc.2"}) {
    EXPECT_EQ(AllHolesOf("runc", version), kLink) << version;
  }
  for (const char* version : {"1.3.6", "1.4.3", "1.5.0-rc.3", "1.5.2"}) EXPECT_EQ(AllHolesOf("runc", version), "");
  EXPECT_EQ(AllHolesOf("crun", "1.4.3"), "CVE-2022-27650, CVE-2026-47766");
  for (const char* version : {"1.4.4", "1.20", "1.27"}) EXPECT_EQ(AllHolesOf("crun", version), "CVE-2026-47766");
  EXPECT_EQ(AllHolesOf("crun", "1.28"), "");
  EXPECT_EQ(AllHolesOf("runsc", "1.0.0"), "");
}

TEST(KnownHolesTest, ACandidateWithoutANumberIsTheFirst) {
  EXPECT_EQ(HolesOfRunc("1.4.0-rc"), kRaces);
}

}  // namespace
}  // namespace crisp
