#include "config_text/explain.h"

#include <string>
#include <vector>

#include "config/key_texts.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::string> Found(const std::string& query) {
  std::vector<std::string> paths;
  for (const Key* key : FindKeys(query)) paths.push_back(key->path);
  return paths;
}

TEST(ExplainTest, AKeyIsFoundByItsPathInEachVersion) {
  for (const char* query :
       {"plugins.\"io.containerd.grpc.v1.cri\".cni.conf_dir", "plugins.\"io.containerd.cri.v1.runtime\".cni.conf_dir",
        "plugins.io.containerd.cri.v1.runtime.cni.conf_dir", "plugins.cri.cni.conf_dir",
        "[plugins.'io.containerd.cri.v1.runtime'.cni].conf_dir", "cri.cni.conf_dir", "cni.conf_dir"}) {
    EXPECT_THAT(Found(query), ElementsAre("cri/cni/conf_dir")) << query;
  }
  EXPECT_THAT(Found("plugins.\"io.containerd.server.v1.grpc\".uid"), ElementsAre("grpc/uid"));
}

TEST(ExplainTest, WhatTheUserChoosesMayHaveAnyName) {
  EXPECT_THAT(Found("cri.registry.mirrors.docker.io.endpoint"), ElementsAre("cri/registry/mirrors/*/endpoint"));
  EXPECT_THAT(Found("runtimes.kata.options.BinaryName"), ElementsAre("cri/containerd/runtimes/*/options/BinaryName"));
  EXPECT_THAT(Found("SystemdCgroup"), ElementsAre("cri/containerd/runtimes/*/options/SystemdCgroup"));
  EXPECT_THAT(Found("pinned_images.sandbox"), ElementsAre("cri/sandbox_image"));
}

TEST(ExplainTest, TheEndOfSeveralKeysFindsThemAll) {
  EXPECT_THAT(Found("gid"), UnorderedElementsAre("debug/gid", "grpc/gid", "ttrpc/gid"));
  EXPECT_THAT(Found("root"), ElementsAre("root"));  // a whole path
  EXPECT_THAT(Found("no_such_key"), IsEmpty());
  EXPECT_THAT(Found(""), IsEmpty());
}

TEST(ExplainTest, AnExplanationHasAllThatIsKnown) {
  EXPECT_THAT(ExplainKey(*FindKeys("enable_unprivileged_ports")[0]),
              AllOf(HasSubstr("ports below 1024"), HasSubstr("true or false"), HasSubstr("false\n"),
                    HasSubstr("true since version 3"), HasSubstr("containerd 1.6"), HasSubstr("honours it"),
                    HasSubstr("version 3: plugins.\"io.containerd.cri.v1.runtime\".enable_unprivileged_ports")));
  EXPECT_THAT(ExplainKey(*FindKeys("plugin_dir")[0]), HasSubstr("does not start with a value other than the default"));
  EXPECT_THAT(ExplainKey(*FindKeys("crisp.log_wait")[0]), HasSubstr("crisp's own"));
  EXPECT_THAT(ExplainKey(*FindKeys("systemd_cgroup")[0]), HasSubstr("version 3: nowhere"));
}

TEST(ExplainTest, EveryKeyCanBeExplained) {
  for (const Key& key : Keys()) EXPECT_THAT(ExplainKey(key), HasSubstr(PolicyOf(key).substr(0, 10))) << key.path;
}

}  // namespace
}  // namespace crisp
