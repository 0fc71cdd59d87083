#include "images/image_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace crisp {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kDiffId = "sha256:" + std::string(64, 'd');

json Whole() {
  return {{"os", "linux"},
          {"architecture", "amd64"},
          {"rootfs", {{"type", "layers"}, {"diff_ids", {kDiffId}}}},
          {"config",
           {{"User", "1000:app"},
            {"Env", {"PATH=/bin", "EMPTY="}},
            {"Entrypoint", {"/init"}},
            {"Cmd", {"serve", ""}},
            {"WorkingDir", "/srv"},
            {"StopSignal", "SIGQUIT"},
            {"Labels", {{"io.kubernetes.cri-o.TrySkipVolumeSELinuxLabel", "true"}}},
            {"Volumes", {{"/data", json::object()}, {"/logs", json::object()}}}}}};
}

TEST(ImageConfigTest, ReadsAllThatMatters) {
  const absl::StatusOr<ParsedImageConfig> parsed = ParseImageConfig(Whole().dump());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->diff_ids, ElementsAre(kDiffId));
  const ImageConfig& config = parsed->config;
  EXPECT_EQ(config.user, "1000:app");
  EXPECT_THAT(config.env, ElementsAre("PATH=/bin", "EMPTY="));
  EXPECT_THAT(config.entrypoint, ElementsAre("/init"));
  EXPECT_THAT(config.cmd, ElementsAre("serve", ""));
  EXPECT_EQ(config.working_dir, "/srv");
  EXPECT_EQ(config.stop_signal, "SIGQUIT");
  EXPECT_THAT(config.volumes, ElementsAre("/data", "/logs"));
  EXPECT_EQ(config.os, "linux");
  EXPECT_EQ(config.architecture, "amd64");
}

TEST(ImageConfigTest, WhatIsNullOrAbsentIsEmpty) {
  json config = Whole();
  for (const char* field : {"User", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir"})
    config["config"][field] = nullptr;
  const absl::StatusOr<ParsedImageConfig> parsed = ParseImageConfig(config.dump());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->config.cmd, IsEmpty());
  config.erase("config");
  EXPECT_TRUE(ParseImageConfig(config.dump()).ok());
}

TEST(ImageConfigTest, AnImageOfNoLayersIsRead) {
  json config = Whole();
  for (const json& none : {json::array(), json(nullptr)}) {
    config["rootfs"]["diff_ids"] = none;
    EXPECT_TRUE(ParseImageConfig(config.dump()).ok());
  }
  config["rootfs"] = nullptr;
  EXPECT_TRUE(ParseImageConfig(config.dump()).ok());
}

TEST(ImageConfigTest, FieldsOfWrongFormAreRefusedByName) {
  const auto refused = [](const char* pointer, json value, const std::string& why) {
    json config = Whole();
    config[json::json_pointer(pointer)] = std::move(value);
    const absl::StatusOr<ParsedImageConfig> parsed = ParseImageConfig(config.dump());
    ASSERT_EQ(parsed.status().code(), absl::StatusCode::kInternal) << pointer;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(why));
  };
  refused("/rootfs/type", "other", "rootfs.type");
  refused("/rootfs/diff_ids/0", "sha256:abc", "diff_ids");
  refused("/rootfs/diff_ids", std::vector<std::string>(501, kDiffId), "501 layers");
  refused("/rootfs/diff_ids", "x", "diff_ids");
  refused("/config", "x", "config");
  refused("/config/Env", {1}, "Env");
  refused("/config/Env", {"=x"}, "Env");
  refused("/config/Env", {std::string("A=b\0c", 5)}, "NUL");
  refused("/config/Cmd", "sh -c true", "Cmd");
  refused("/config/User", 0, "User");
  refused("/config/Volumes", {"/data"}, "Volumes");
  refused("/os", 1, "os");
}

TEST(ImageConfigTest, WhatIsNoJsonIsRefused) {
  EXPECT_FALSE(ParseImageConfig("").ok());
  EXPECT_FALSE(ParseImageConfig("[]").ok());
  EXPECT_FALSE(ParseImageConfig(std::string(100000, '{')).ok());
}

}  // namespace
}  // namespace crisp
