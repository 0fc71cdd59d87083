#include "client/verb_tree.h"

#include <gtest/gtest.h>

namespace crisp::client {
namespace {

// What `args` make it write to stderr, and the exit status.
std::pair<std::string, int> Said(const std::vector<std::string>& args) {
  Session session;
  VerbTree tree(&session);
  AddAllVerbs(&tree);
  ::testing::internal::CaptureStderr();
  const int status = tree.Run(args);
  return {::testing::internal::GetCapturedStderr(), status};
}

TEST(VerbTreeTest, AnUnknownCommandSuggestsTheNearest) {
  const auto [text, status] = Said({"sotp", "web"});
  EXPECT_NE(text.find("do you mean \"stop\"?"), std::string::npos) << text;
  EXPECT_EQ(status, kExitFailure);
  EXPECT_EQ(Nearest("xyzzy", {"stop", "start"}), "");
}

TEST(VerbTreeTest, WhatDockerHasAndCrispHasNotIsRefusedWithAReason) {
  EXPECT_NE(Said({"run", "--restart=always", "nginx"}).first.find("--restart: containers are restarted by the kubelet"),
            std::string::npos);
  EXPECT_NE(Said({"build", "."}).first.find("use buildah"), std::string::npos);
}

TEST(VerbTreeTest, OptionsBehindTheImageAreTheCommands) {
  const auto [text, status] =
      Said({"--endpoint", "unix:///nowhere", "run", "--name", "x", "-it", "nginx", "--restart", "-la"});
  EXPECT_NE(text.find("no answer from /nowhere"), std::string::npos) << text;
  EXPECT_EQ(status, kExitFailure);
}

}  // namespace
}  // namespace crisp::client
