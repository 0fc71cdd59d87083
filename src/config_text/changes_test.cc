#include "config_text/changes.h"

#include <set>
#include <string>

#include "config_text/effective.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Reading Read(const std::string& text) {
  Reading reading = ReadConfigurationText("config.toml", text);
  EXPECT_TRUE(reading.config.ok()) << reading.config.status();
  return reading;
}

// "name: before -> after (place)" of each.
std::vector<std::string> Between(const std::string& before, const std::string& after) {
  std::vector<std::string> lines;
  for (const Change& change : ChangesBetween(Read(before), Read(after))) {
    lines.push_back(change.name + ": " + change.before + " -> " + change.after + " (" + change.place + ")");
  }
  return lines;
}

TEST(ChangesTest, NothingDiffersFromItself) {
  EXPECT_THAT(Between("version = 3\noom_score = 4\n", "version = 3\n# a comment\noom_score = 4\n"), IsEmpty());
}

TEST(ChangesTest, AKeyIsNamedWithItsValuesAndItsPlace) {
  EXPECT_THAT(Between("version = 3\n[debug]\nlevel = 'warn'\n", "version = 3\n[debug]\n\nlevel = 'debug'\n"),
              ElementsAre("debug.level: \"warn\" -> \"debug\" (config.toml:4)"));
  EXPECT_THAT(Between("version = 3\n[debug]\nlevel = 'warn'\n", "version = 3\n"),
              ElementsAre("debug.level: \"warn\" -> \"info\" ()"));
}

TEST(ChangesTest, WhatComesAndGoesIsNamedToo) {
  const std::string mirror =
      "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry.mirrors.'docker.io']\nendpoint = ['http://m']\n";
  const std::string name = "plugins.\"io.containerd.cri.v1.images\".registry.mirrors.\"docker.io\".endpoint";
  EXPECT_THAT(Between("version = 2\n", mirror), testing::Contains(name + ":  -> [\"http://m\"] (config.toml:3)"));
  EXPECT_THAT(Between(mirror, "version = 2\n"), testing::Contains(name + ": [\"http://m\"] ->  ()"));
}

TEST(ChangesTest, ASecretIsNamedAndNotShown) {
  const auto file = [](const std::string& password) {
    return "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.registry.configs.host.auth]\npassword = '" + password +
           "'\n";
  };
  EXPECT_THAT(
      Between(file("one"), file("two")),
      ElementsAre("plugins.\"io.containerd.cri.v1.images\".registry.configs.host.auth.password:  ->  (config.toml:3)"));
}

// What is left out here would be changed without a word.
TEST(ChangesTest, EveryHonouredKeyIsCompared) {
  std::set<std::string> compared;
  for (const EffectiveValue& value : EffectiveValues(DefaultConfig(), {})) compared.insert(value.key->path);
  const std::set<std::string> elsewhere = {"version", "imports", "cri/cni/bin_dir",
                                           "plugins/io.containerd.monitor.v1.cgroups/no_prometheus"};
  for (const Key& key : Keys()) {
    const std::string path = key.path;
    const bool of_a_name = path.find('*') != std::string::npos;
    if (key.policy != Policy::kHonoured || of_a_name || key.type == ValueType::kTable) continue;
    EXPECT_EQ(compared.count(path) + elsewhere.count(path), 1u) << path;
  }
}

}  // namespace
}  // namespace crisp
