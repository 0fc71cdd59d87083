#include "stats/cni_summary.h"

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace crisp {
namespace {

using nlohmann::json;

TEST(CniSummaryTest, IsWhatContainerdMakesOfTheResults) {
  EXPECT_EQ(CniSummary(R"({"version": 1, "results": [
      {"cniVersion": "1.0.0",
       "interfaces": [{"name": "cni0", "mac": "aa:aa"}, {"name": "veth1", "mac": "bb:bb"},
                      {"name": "eth0", "mac": "cc:cc", "sandbox": "/run/netns/p"}],
       "ips": [{"interface": 2, "address": "10.88.0.5/24", "gateway": "10.88.0.1"},
               {"interface": 2, "address": "fd00::5/64"}],
       "routes": [{"dst": "0.0.0.0/0"}], "dns": {"nameservers": ["10.88.0.1"]}},
      {"cniVersion": "1.0.0", "ips": [{"address": "192.0.2.7/24"}]}]})"),
            json::parse(R"({
      "Interfaces": {"cni0": {"IPConfigs": null, "Mac": "aa:aa", "Sandbox": ""},
                     "veth1": {"IPConfigs": null, "Mac": "bb:bb", "Sandbox": ""},
                     "eth0": {"IPConfigs": [{"IP": "10.88.0.5", "Gateway": "10.88.0.1"}, {"IP": "fd00::5", "Gateway": ""}],
                              "Mac": "cc:cc", "Sandbox": "/run/netns/p"},
                     "eth1": {"IPConfigs": [{"IP": "192.0.2.7", "Gateway": ""}], "Mac": "", "Sandbox": ""}},
      "Routes": [{"dst": "0.0.0.0/0"}],
      "DNS": [{"nameservers": ["10.88.0.1"]}, {}]})"));
}

TEST(CniSummaryTest, NothingIsNullAndGarbageIsLeftOut) {
  for (const char* text : {"", "{", "[]", "{}", R"({"results": []})", R"({"results": 5})"}) {
    EXPECT_TRUE(CniSummary(text).is_null()) << text;
  }
  EXPECT_EQ(
      CniSummary(R"({"results": [{"interfaces": [5], "ips": [{"interface": 9}, "x"], "routes": 1}]})"),
      json::parse(R"({"Interfaces": {"eth0": {"IPConfigs": [{"IP": "", "Gateway": ""}], "Mac": "", "Sandbox": ""}},
                            "Routes": null, "DNS": [{}]})"));
}

}  // namespace
}  // namespace crisp
