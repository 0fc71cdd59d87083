#include "commands/config_commands.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kOld[] = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\n  enable_selinux = true\n";

class ConfigCommandsTest : public testing::Test {
 protected:
  ConfigCommandsTest() {
    char name[] = "/tmp/crisp-commands-XXXXXX";
    dir_ = mkdtemp(name);
  }
  ~ConfigCommandsTest() override { std::filesystem::remove_all(dir_); }

  std::string Write(const std::string& content) {
    const std::string path = dir_ + "/a.toml";
    std::ofstream(path) << content;
    return path;
  }

  std::string Read(const std::string& name) {
    std::ifstream file(dir_ + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  static Answer Run(CommandLine line) { return RunConfigCommand(line); }

  std::string dir_;
};

TEST_F(ConfigCommandsTest, DefaultPrintsAFile) {
  const Answer answer = Run({.verb = Verb::kConfigDefault});
  EXPECT_EQ(answer.status, kExitOk);
  EXPECT_THAT(answer.out, HasSubstr("version = 3"));
}

TEST_F(ConfigCommandsTest, DumpHasTheDefaultsWithoutAFileAndWarningsOnStderr) {
  EXPECT_THAT(Run({.verb = Verb::kConfigDump}).out, HasSubstr("root = \"/var/lib/crisp\"  # default\n"));
  const Answer answer = Run({.verb = Verb::kConfigDump, .config = Write("version = 2\nzebra = 1\n")});
  EXPECT_EQ(answer.status, kExitOk);
  EXPECT_THAT(answer.err, HasSubstr("a.toml:2: zebra"));
}

TEST_F(ConfigCommandsTest, CheckEndsWithTheStatusOfItsVerdict) {
  const std::string file = Write("version = 2\nzebra = 1\n");
  EXPECT_EQ(Run({.verb = Verb::kConfigCheck, .file = file}).status, kExitOk);
  EXPECT_EQ(Run({.verb = Verb::kConfigCheck, .file = file, .strict = true}).status, kExitBad);
  EXPECT_EQ(Run({.verb = Verb::kConfigCheck, .file = Write("version = 2\n"), .strict = true}).status, kExitOk);
  EXPECT_EQ(Run({.verb = Verb::kConfigCheck, .file = Write("plugin_dir = \"/a\"\n")}).status, kExitBad);
  EXPECT_EQ(Run({.verb = Verb::kConfigCheck, .file = Write("no toml")}).status, kExitBad);
}

TEST_F(ConfigCommandsTest, AFileThatCannotBeReadIsNamedAndNoVerdict) {
  for (const Verb verb : {Verb::kConfigCheck, Verb::kConfigMigrate, Verb::kConfigDump}) {
    const Answer answer = Run({.verb = verb, .config = dir_ + "/none", .file = dir_ + "/none"});
    EXPECT_EQ(answer.status, kExitUsage);
    EXPECT_THAT(answer.err, AllOf(HasSubstr("/none"), HasSubstr("No such file")));
    EXPECT_THAT(answer.out, IsEmpty());
  }
}

TEST_F(ConfigCommandsTest, ExplainNamesTheKeysThatItMayBe) {
  EXPECT_THAT(Run({.verb = Verb::kConfigExplain, .key = "grpc.address"}).out, HasSubstr("Unix socket"));
  const Answer several = Run({.verb = Verb::kConfigExplain, .key = "gid"});
  EXPECT_EQ(several.status, kExitBad);
  EXPECT_THAT(several.err, AllOf(HasSubstr("grpc.gid"), HasSubstr("debug.gid")));
  const Answer none = Run({.verb = Verb::kConfigExplain, .key = "zebra"});
  EXPECT_EQ(none.status, kExitBad);
  EXPECT_THAT(none.err, HasSubstr("no key zebra"));
}

TEST_F(ConfigCommandsTest, MigratePrintsAndLeavesTheFileAsItIs) {
  const Answer answer = Run({.verb = Verb::kConfigMigrate, .file = Write(kOld)});
  EXPECT_EQ(answer.status, kExitOk);
  EXPECT_THAT(answer.out, HasSubstr("io.containerd.cri.v1.runtime"));
  EXPECT_THAT(answer.err, HasSubstr("version 2 is now 3"));
  EXPECT_EQ(Read("a.toml"), kOld);
}

TEST_F(ConfigCommandsTest, MigrateReplacesWhatALinkLeadsToAndKeepsWhatItWas) {
  const std::string file = Write(kOld);
  ASSERT_EQ(chmod(file.c_str(), 0640), 0);
  std::filesystem::create_symlink(file, dir_ + "/link.toml");
  const CommandLine line = {.verb = Verb::kConfigMigrate, .file = dir_ + "/link.toml", .write = true};
  EXPECT_EQ(Run(line).status, kExitOk);
  EXPECT_THAT(Read("a.toml"), HasSubstr("version = 3"));
  EXPECT_EQ(Read("a.toml.bak"), kOld);
  EXPECT_TRUE(std::filesystem::is_symlink(dir_ + "/link.toml"));
  for (const char* name : {"/a.toml", "/a.toml.bak"}) {
    struct stat info = {};
    ASSERT_EQ(stat((dir_ + name).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0640u);
  }
  // A second time there is nothing to do, and the first state is kept.
  EXPECT_EQ(Run(line).status, kExitOk);
  EXPECT_EQ(Read("a.toml.bak"), kOld);
}

}  // namespace
}  // namespace crisp
