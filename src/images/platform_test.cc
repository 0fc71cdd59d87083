#include "images/platform.h"

#include <gtest/gtest.h>

#include <vector>

#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

constexpr char kV2[] = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3";
constexpr char kV3[] = "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave";
constexpr char kV4[] = "avx512f avx512bw avx512cd avx512dq avx512vl";

std::string Flags(const std::string& flags) {
  return absl::StrCat("processor\t: 0\nmodel name\t: Some: CPU\nflags\t\t: fpu lm ", flags, "\nbugs\t\t: none\n");
}

TEST(PlatformTest, TheVariantOfAmd64IsTheHighestOfWhichEveryFlagIsThere) {
  EXPECT_EQ(Amd64Variant(""), "");
  EXPECT_EQ(Amd64Variant(Flags("")), "");
  EXPECT_EQ(Amd64Variant(Flags(kV2)), "v2");
  EXPECT_EQ(Amd64Variant(Flags(absl::StrCat(kV2, " ", kV3))), "v3");
  EXPECT_EQ(Amd64Variant(Flags(absl::StrCat(kV2, " ", kV3, " ", kV4))), "v4");
  EXPECT_EQ(Amd64Variant(Flags(absl::StrCat(kV2, " avx avx2 bmi1 bmi2 f16c fma movbe xsave ", kV4))), "v2")
      << "without LZCNT";
  EXPECT_EQ(Amd64Variant(Flags(absl::StrCat(kV3, " ", kV4))), "");
}

TEST(PlatformTest, TheVariantOfArm64IsTheHighestOfWhichEveryFeatureIsThere) {
  const auto variant = [](const std::string& features) {
    return Arm64Variant(absl::StrCat("processor\t: 0\nFeatures\t: fp asimd ", features, "\nCPU part\t: 0xd0c\n"));
  };
  EXPECT_EQ(variant(""), "");
  EXPECT_EQ(variant("atomics asimdrdm crc32"), "v8.1");
  const std::string neoverse_n1 =
      "aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp ssbs";
  EXPECT_EQ(variant(neoverse_n1), "v8.2");
  const std::string v84 = neoverse_n1 + " jscvt fcma paca dit uscat ilrcpc flagm";
  EXPECT_EQ(variant(v84), "v8.4");
  EXPECT_EQ(variant(v84 + " sve2"), "v8.4");
  EXPECT_EQ(variant(v84 + " dcpodp flagm2 frint sb"), "v8.5");
  EXPECT_EQ(variant(v84 + " dcpodp flagm2 frint sb sve2"), "v9");
  EXPECT_EQ(variant(v84 + " dcpodp flagm2 frint sb sve2 i8mm bf16"), "v9.1");
}

// The platforms in the order in which a machine prefers them, and some that it cannot run.
void ExpectOrder(const Platform& host, const std::vector<Platform>& order, const std::vector<Platform>& not_run) {
  for (size_t i = 0; i < order.size(); ++i) {
    ASSERT_TRUE(PlatformRank(host, order[i]).has_value()) << Describe(host) << " " << Describe(order[i]);
    if (i > 0) {
      EXPECT_LT(*PlatformRank(host, order[i - 1]), *PlatformRank(host, order[i])) << Describe(order[i]);
    }
  }
  for (const Platform& platform : not_run) {
    EXPECT_FALSE(PlatformRank(host, platform).has_value()) << Describe(host) << " " << Describe(platform);
  }
}

TEST(PlatformTest, VariantsThatTheCpuRunsComeFromTheHighestDownAndThen32Bits) {
  ExpectOrder({"linux", "amd64", "v3"},
              {{"linux", "amd64", "v3"}, {"linux", "amd64", "v2"}, {"linux", "amd64", ""}, {"linux", "386", ""}},
              {{"linux", "amd64", "v4"},
               {"linux", "amd64", "v0"},
               {"linux", "amd64", "v1.5"},
               {"linux", "amd64", "baseline"},
               {"linux", "arm64", ""},
               {"windows", "amd64", ""},
               {"unknown", "unknown", ""},
               {"linux", "386", "sse2"}});
  ExpectOrder({"linux", "amd64", ""}, {{"linux", "amd64", ""}, {"linux", "386", ""}}, {{"linux", "amd64", "v2"}});
  ExpectOrder({"linux", "arm64", "v8.2"},
              {{"linux", "arm64", "v8.2"},
               {"linux", "arm64", "v8.1"},
               {"linux", "arm64", "v8"},
               {"linux", "arm", "v8"},
               {"linux", "arm", "v7"},
               {"linux", "arm", "v6"},
               {"linux", "arm", "v5"}},
              {{"linux", "arm64", "v8.3"}, {"linux", "arm64", "v9"}, {"linux", "arm", "v4"}, {"linux", "amd64", ""}});
  ExpectOrder({"linux", "arm64", "v9.1"},
              {{"linux", "arm64", "v9.1"},
               {"linux", "arm64", "v9"},
               {"linux", "arm64", "v8.6"},
               {"linux", "arm64", "v8.5"},
               {"linux", "arm64", ""},
               {"linux", "arm", "v8"}},
              {{"linux", "arm64", "v9.2"}, {"linux", "arm64", "v8.7"}});
}

TEST(PlatformTest, OtherSpellingsMeanTheSame) {
  const Platform amd64{"linux", "amd64", ""}, arm64{"linux", "arm64", ""};
  for (const Platform& platform : std::vector<Platform>{{"linux", "x86_64", ""},
                                                        {"Linux", "X86-64", ""},
                                                        {"", "amd64", ""},
                                                        {"linux", "amd64", "v1"},
                                                        {"linux", "AMD64", "V1"}}) {
    EXPECT_EQ(PlatformRank(amd64, platform), 0) << Describe(platform);
  }
  for (const Platform& platform : std::vector<Platform>{
           {"linux", "aarch64", ""}, {"linux", "arm64", "8"}, {"linux", "arm64", "v8"}, {"linux", "arm64", "v8.0"}}) {
    EXPECT_EQ(PlatformRank(arm64, platform), 0) << Describe(platform);
  }
  EXPECT_EQ(PlatformRank(amd64, {"linux", "i386", "i686"}), PlatformRank(amd64, {"linux", "386", ""}));
  const auto v7 = PlatformRank(arm64, {"linux", "arm", "v7"});
  EXPECT_EQ(PlatformRank(arm64, {"linux", "armhf", ""}), v7);
  EXPECT_EQ(PlatformRank(arm64, {"linux", "arm", ""}), v7);
  EXPECT_EQ(PlatformRank(arm64, {"linux", "arm", "7"}), v7);
  EXPECT_EQ(PlatformRank(arm64, {"linux", "armel", ""}), PlatformRank(arm64, {"linux", "arm", "6"}));
}

TEST(PlatformTest, AnImageThatNeedsFeaturesOfTheSystemDoesNotFit) {
  EXPECT_FALSE(PlatformRank({"linux", "amd64", ""}, {"linux", "amd64", "", true}).has_value());
}

TEST(PlatformTest, ThisMachineRunsItsOwnArchitecture) {
  const Platform host = HostPlatform();
  EXPECT_EQ(PlatformRank(host, host), 0);
  EXPECT_TRUE(PlatformRank(host, {"linux", host.architecture, ""}).has_value());
}

TEST(PlatformTest, APlatformIsDescribedInOneShortWord) {
  EXPECT_EQ(Describe({}), "unnamed");
  EXPECT_EQ(Describe({"linux", "arm64", "v8"}), "linux/arm64/v8");
  EXPECT_EQ(Describe({"a\nb", std::string(500, 'x'), ""}).size(), 64u);
}

}  // namespace
}  // namespace crisp
