#include "network/cni_result.h"

#include <gmock/gmock.h>

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(CniResultTest, OnlyAddressesInsideThePodCount) {
  const Json result = *ParseCniResult(R"({"cniVersion":"1.0.0",
      "interfaces":[{"name":"cni0"},{"name":"eth0","sandbox":"/run/netns/x"}],
      "ips":[{"address":"10.0.0.1/24","interface":0},{"address":"10.0.0.2/24","interface":1},
             {"address":"fd00::2/64","interface":1},{"address":"10.0.0.3/24","interface":-1}]})",
                                      "1.0.0");
  EXPECT_THAT(PodIpsOf(result), ElementsAre("10.0.0.2", "fd00::2", "10.0.0.3"));
}

TEST(CniResultTest, AResultWithoutAddressesIsAResult) {
  for (const char* text : {R"({"cniVersion":"1.0.0"})", R"({"ips":null,"interfaces":null})", R"({"ips":[]})", "{}"}) {
    const auto result = ParseCniResult(text, "1.0.0");
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(PodIpsOf(*result), IsEmpty());
  }
}

TEST(CniResultTest, AResultIsGivenOnInTheVersionOfTheConfiguration) {
  const Json older = *ParseCniResult(R"({"cniVersion":"1.0.0","ips":[{"address":"fd00::2/64"}]})", "0.3.1");
  EXPECT_EQ(older["cniVersion"], "0.3.1");
  EXPECT_EQ(older["ips"][0]["version"], "6");
  const Json newer =
      *ParseCniResult(R"({"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.2.3/24"}]})", "1.0.0");
  EXPECT_EQ(newer["cniVersion"], "1.0.0");
  EXPECT_FALSE(newer["ips"][0].contains("version"));
}

TEST(CniResultTest, WhatIsWrongIsNamed) {
  const auto fault = [](const char* text) { return std::string(ParseCniResult(text, "1.0.0").status().message()); };
  EXPECT_THAT(fault(""), HasSubstr("empty"));
  EXPECT_THAT(fault("nope"), HasSubstr("not JSON"));
  EXPECT_THAT(fault(R"({"ips":{}})"), HasSubstr("\"ips\" is not a list"));
  EXPECT_THAT(fault(R"({"ips":[1]})"), HasSubstr("\"ips[0]\" is not an object"));
  EXPECT_THAT(fault(R"({"interfaces":[{}]})"), HasSubstr("\"interfaces[0].name\" is missing"));
  EXPECT_THAT(fault(R"({"ips":[{"address":"10.1.2.3/24","interface":0}]})"), HasSubstr("not in the result"));
  EXPECT_THAT(fault(R"({"ips":[{"address":"10.1.2.3/24","interface":"eth0"}]})"), HasSubstr("not in the result"));
  for (const char* address :
       {"10.1.2.3", "10.1.2.3/33", "10.1.2.3/-1", "10.1.2.3/x", "10.1.2/24", "fd00::/129", "/", ""}) {
    EXPECT_THAT(fault((std::string(R"({"ips":[{"address":")") + address + R"("}]})").c_str()),
                HasSubstr("not an address with a prefix"))
        << address;
  }
  EXPECT_THAT(fault(R"({"cniVersion":"0.2.0"})"), HasSubstr("0.2.0"));
}

TEST(CniResultTest, AnErrorIsToldByItsMessageAndDetails) {
  EXPECT_EQ(CniErrorText(R"({"code":7,"msg":"bad","details":"worse"})"), "bad: worse");
  EXPECT_EQ(CniErrorText(R"({"code":7,"msg":"bad"})"), "bad");
  EXPECT_EQ(CniErrorText(R"({"code":7})"), "error code 7");
  EXPECT_EQ(CniErrorText(R"({"code":7,"msg":"two\nlines"})"), "two\\nlines");
  EXPECT_EQ(CniErrorText("garbage"), "");
  EXPECT_EQ(CniErrorText("{}"), "");
}

}  // namespace
}  // namespace crisp
