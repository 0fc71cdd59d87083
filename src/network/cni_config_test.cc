#include "network/cni_config.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "os/file.h"
#include "os/testing/test_dir.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string FaultOf(const std::string& file, const std::string& text) {
  return std::string(ParseCniConfig(file, text).status().message());
}

TEST(CniConfigTest, AListIsTakenAsItIs) {
  const auto config = ParseCniConfig("10-x.conflist", R"({"cniVersion":"0.4.0","name":"x","disableCheck":"true",
      "plugins":[{"type":"bridge","mtu":1400},{"type":"portmap","capabilities":{"portMappings":true}}]})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->name, "x");
  EXPECT_EQ(config->version, "0.4.0");
  ASSERT_EQ(config->plugins.size(), 2u);
  EXPECT_EQ(config->plugins[0].config["mtu"], 1400);
}

TEST(CniConfigTest, ASinglePluginBecomesAList) {
  for (const char* file : {"10-x.conf", "10-x.json"}) {
    const auto config = ParseCniConfig(file, R"({"cniVersion":"1.0.0","name":"x","type":"ptp","mtu":1})");
    ASSERT_TRUE(config.ok()) << config.status();
    ASSERT_EQ(config->plugins.size(), 1u);
    EXPECT_EQ(config->plugins[0].config["type"], "ptp");
    EXPECT_EQ(config->plugins[0].config["mtu"], 1);
  }
}

TEST(CniConfigTest, VersionsFrom030AreTaken) {
  for (const std::string version : {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"}) {
    EXPECT_EQ(ParseCniConfig("x.conf", R"({"cniVersion":")" + version + R"(","name":"x","type":"ptp"})")->version,
              version);
  }
  for (const std::string version : {"0.1.0", "0.2.0", "2.0.0", "1.0"}) {
    EXPECT_THAT(FaultOf("x.conf", R"({"cniVersion":")" + version + R"(","name":"x","type":"ptp"})"),
                HasSubstr("cniVersion " + version + " is not supported: use"));
  }
  EXPECT_THAT(FaultOf("x.conf", R"({"name":"x","type":"ptp"})"), HasSubstr("no cniVersion"));
}

TEST(CniConfigTest, CheckIsPartOf040AndMayBeSwitchedOff) {
  const auto check_of = [](const std::string& version, const std::string& more) {
    const auto config = ParseCniConfig(
        "x.conflist", R"({"cniVersion":")" + version + R"(","name":"x",)" + more + R"("plugins":[{"type":"ptp"}]})");
    EXPECT_TRUE(config.ok()) << config.status();
    // As the record of a pod has it.
    return std::string(ParseCniConfig("plan.conflist", DumpJson(config->ToJson()))->HasCheck().message());
  };
  EXPECT_EQ(check_of("0.3.1", ""), "CNI 0.3.1 has no CHECK");
  for (const char* version : {"0.4.0", "1.0.0", "1.1.0"}) EXPECT_EQ(check_of(version, ""), "");
  EXPECT_EQ(check_of("1.0.0", R"("disableCheck":false,)"), "");
  for (const char* value : {"true", "\"true\""}) {
    EXPECT_EQ(check_of("1.0.0", std::string("\"disableCheck\":") + value + ","), "its configuration has disableCheck");
  }
}

TEST(CniConfigTest, OfSeveralVersionsTheNewestKnownIsUsed) {
  EXPECT_EQ(ParseCniConfig("x.conf", R"({"cniVersion":"0.2.0","cniVersions":["0.2.0","1.0.0","0.4.0","9.0.0"],
      "name":"x","type":"ptp"})")
                ->version,
            "1.0.0");
}

TEST(CniConfigTest, EveryFaultIsNamed) {
  EXPECT_THAT(FaultOf("x.conflist", ""), HasSubstr("empty"));
  EXPECT_THAT(FaultOf("x.conflist", "{\n\"name\": }"), HasSubstr("line 2"));
  EXPECT_THAT(FaultOf("x.conflist", "[]"), HasSubstr("not an object"));
  EXPECT_THAT(FaultOf("x.conflist", std::string(100000, '[')), HasSubstr("levels"));
  EXPECT_THAT(FaultOf("x.conflist", R"({"cniVersion":"1.0.0","plugins":[]})"), HasSubstr("\"name\" is missing"));
  EXPECT_THAT(FaultOf("x.conflist", R"({"cniVersion":"1.0.0","name":"a/../b","plugins":[]})"), HasSubstr("CNI name"));
  const std::string head = R"({"cniVersion":"1.0.0","name":"x",)";
  EXPECT_THAT(FaultOf("x.conflist", head + R"("type":"ptp"})"), HasSubstr("\"plugins\" is missing"));
  EXPECT_THAT(FaultOf("x.conflist", head + R"("plugins":{}})"), HasSubstr("\"plugins\" is not a list"));
  EXPECT_THAT(FaultOf("x.conflist", head + R"("plugins":[]})"), HasSubstr("empty"));
  EXPECT_THAT(FaultOf("x.conflist", head + R"("plugins":[{"type":"ptp"},{}]})"),
              HasSubstr("\"plugins[1].type\" is missing"));
  EXPECT_THAT(FaultOf("x.conflist", head + R"("plugins":["ptp"]})"), HasSubstr("\"plugins[0]\" is not an object"));
  EXPECT_THAT(FaultOf("x.conflist", head + R"("plugins":[{"type":"../sh"}]})"), HasSubstr("not the name of a program"));
  EXPECT_THAT(FaultOf("x.conflist", head + R"("plugins":[{"type":".."}]})"), HasSubstr("not the name of a program"));
  EXPECT_THAT(FaultOf("x.conflist", head + R"("plugins":[{"type":"a\u0000b"}]})"), HasSubstr("NUL"));
  EXPECT_THAT(FaultOf("x.conflist", head + R"("plugins":[{"type":"ptp","capabilities":["a"]}]})"),
              HasSubstr("\"plugins[0].capabilities\" is not an object"));
  EXPECT_THAT(FaultOf("x.conflist", head + R"("plugins":[{"type":"ptp","capabilities":{"a":1}}]})"),
              HasSubstr("\"plugins[0].capabilities.a\" is not true or false"));
  for (const std::string name : {"disableCheck", "disableGC"}) {
    EXPECT_THAT(FaultOf("x.conflist", head + "\"" + name + R"(":1,"plugins":[{"type":"ptp"}]})"), HasSubstr(name));
  }
  EXPECT_THAT(FaultOf("x.conf", head + R"("plugins":[{"type":"ptp"}]})"), HasSubstr("name the file .conflist"));
}

class CniConfigDirTest : public testing::Test {
 protected:
  void Write(const std::string& file, const std::string& text) {
    ASSERT_TRUE(WriteFileAt(AT_FDCWD, dir_ + "/" + file, text, 0644).ok());
  }
  void WriteGood(const std::string& file) { Write(file, R"({"cniVersion":"1.0.0","name":"x","type":"ptp"})"); }
  std::vector<std::string> Files(const CniConfigs& configs) {
    std::vector<std::string> files;
    for (const CniConfigList& config : configs.networks) files.push_back(config.file);
    return files;
  }

  const TestDir temporary_;
  const std::string dir_ = temporary_.path();
};

TEST_F(CniConfigDirTest, TheFirstValidOnesByNameAreTaken) {
  WriteGood("30-c.conf");
  WriteGood("20-b.json");
  Write("10-a.conflist", "{");
  WriteGood("05-note.txt");
  WriteGood("40-d.conf");
  EXPECT_THAT(Files(LoadCniConfigs(dir_, 2)), ElementsAre("20-b.json", "30-c.conf"));
  EXPECT_THAT(Files(LoadCniConfigs(dir_, 0)), ElementsAre("20-b.json", "30-c.conf", "40-d.conf"));
  EXPECT_THAT(LoadCniConfigs(dir_, 1).faults, ElementsAre(HasSubstr("10-a.conflist: not JSON")));
}

TEST_F(CniConfigDirTest, WhatIsNotAFileIsAFaultAndNotWaitedFor) {
  ASSERT_EQ(mkfifo((dir_ + "/10-fifo.conf").c_str(), 0600), 0);
  ASSERT_EQ(mkdir((dir_ + "/20-dir.conf").c_str(), 0700), 0);
  ASSERT_EQ(symlink("nowhere", (dir_ + "/30-link.conf").c_str()), 0);
  Write("40-big.conf", std::string((1 << 20) + 1, ' '));
  const CniConfigs configs = LoadCniConfigs(dir_, 1);
  EXPECT_TRUE(configs.networks.empty());
  EXPECT_THAT(configs.faults, ElementsAre(HasSubstr("not a regular file"), HasSubstr("not a regular file"),
                                          HasSubstr("No such file"), HasSubstr("larger than")));
}

TEST_F(CniConfigDirTest, ADirectoryThatIsNotThereHasNothingAndNoFault) {
  EXPECT_TRUE(LoadCniConfigs(dir_ + "/none", 1).faults.empty());
  Write("file", "");
  EXPECT_THAT(LoadCniConfigs(dir_ + "/file", 1).faults, ElementsAre(HasSubstr("Not a directory")));
}

}  // namespace
}  // namespace crisp
