#include "config/at_start.h"

#include <set>
#include <string>

#include "config/load_config.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Every field that a reload leaves alone, with another value than the default.
Config Other() {
  Config config = DefaultConfig();
  config.root = config.state = "/elsewhere/crisp";
  config.oom_score = -5;
  config.log_trace_id = !config.log_trace_id;
  config.netns_mounts_under_state_dir = !config.netns_mounts_under_state_dir;
  config.grpc = {"/elsewhere.sock", 1, 2, 3, 4};
  config.metrics = {"127.0.0.1:1", true, true};
  config.debug = {"/debug.sock", 1, 2};
  config.stream.address = "::1";
  config.stream.port = "99";
  config.stream.tls = true;
  config.tracing = {"http://collector", "http/protobuf", "name", 0.5};
  config.crisp.shim = "/shim";
  config.crisp.containerd_address = "/other.sock";
  config.crisp.preload_dir = "/images";
  config.crisp.pin_preloaded = true;
  config.crisp.keep_unused_layers = std::chrono::seconds(1);
  return config;
}

TEST(AtStartTest, WhatIsReadAtStartStaysAndIsNamed) {
  Config next = Other();
  const std::vector<std::string> differed = KeepWhatIsReadAtStart(DefaultConfig(), &next);
  EXPECT_EQ(next, DefaultConfig());
  std::set<std::string> named(differed.begin(), differed.end()), known;
  for (const Key& key : Keys()) {
    const bool is_older_name = std::string(key.path) == "plugins/io.containerd.monitor.v1.cgroups/no_prometheus";
    if (IsReadAtStart(key) && !is_older_name) known.insert(key.path);
  }
  EXPECT_EQ(named, known);
}

TEST(AtStartTest, TheRestIsTaken) {
  Config next = DefaultConfig();
  next.sandbox_image = "other";
  next.registry.mirrors["docker.io"] = {"http://mirror"};
  next.stream.idle_timeout = std::chrono::seconds(3);
  next.grpc.uid = 7;
  Config expected = next;
  expected.grpc.uid = DefaultConfig().grpc.uid;
  EXPECT_THAT(KeepWhatIsReadAtStart(DefaultConfig(), &next), ElementsAre("grpc/uid"));
  EXPECT_EQ(next, expected);
  EXPECT_THAT(KeepWhatIsReadAtStart(next, &next), IsEmpty());
}

TEST(AtStartTest, EveryKeyOfTheListIsHonoured) {
  for (const Key& key : Keys()) {
    EXPECT_TRUE(!IsReadAtStart(key) || key.policy == Policy::kHonoured) << key.path;
  }
}

}  // namespace
}  // namespace crisp
