#include "sandbox/pod_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/container.h"
#include "sandbox/pod.h"

namespace crisp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PodTableTest : public testing::Test {
 protected:
  PodPtr Add(const std::string& id, Pod::State state = Pod::State::kReady) {
    PodRecord record;
    record.set_id(id);
    *record.mutable_config()->mutable_metadata() = Name("web", 0);
    auto pod = std::make_shared<Pod>(std::move(record), OciRuntime(), nullptr, state);
    table_.Add(pod);
    return pod;
  }
  static ContainerPtr Add(const PodPtr& pod, const std::string& id,
                          Container::State state = Container::State::kCreated) {
    ContainerRecord record;
    record.set_id(id);
    auto container = std::make_shared<Container>(std::move(record), state);
    pod->containers.Add(id, container);
    return container;
  }
  static cri::PodSandboxMetadata Name(const std::string& name, uint32_t attempt) {
    cri::PodSandboxMetadata metadata;
    metadata.set_name(name);
    metadata.set_namespace_("default");
    metadata.set_uid("uid");
    metadata.set_attempt(attempt);
    return metadata;
  }

  PodTable table_;
};

TEST_F(PodTableTest, APodIsFoundByItsIdOrAPrefixThatOnlyItHas) {
  const PodPtr pod = Add("abc1");
  Add("abd2");
  EXPECT_EQ(*table_.FindPod("abc1"), pod);
  EXPECT_EQ(*table_.FindPod("abc"), pod);
  const absl::Status several = table_.FindPod("ab").status();
  EXPECT_EQ(several.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(several.message()), HasSubstr("several pods"));
  EXPECT_EQ(table_.FindPod("abc11").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(table_.FindPod("").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PodTableTest, WhatClientsDoNotSeeIsNotFoundAndMakesNoPrefixAmbiguous) {
  const PodPtr seen = Add("abc1");
  Add("abc2", Pod::State::kCreating);
  EXPECT_EQ(*table_.FindPod("abc"), seen);
  EXPECT_EQ(table_.FindPod("abc2").status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(table_.ById("abc2"), nullptr) << "the room itself sees it";
  EXPECT_EQ(table_.ById("abc"), nullptr) << "by the whole id";
}

TEST_F(PodTableTest, AContainerIsFoundInWhicheverPodItIs) {
  Add(Add("p1"), "abc1");
  const PodPtr pod = Add("p2");
  const ContainerPtr container = Add(pod, "abd2");
  const auto found = table_.FindContainer("abd");
  ASSERT_EQ(found.status(), absl::OkStatus());
  EXPECT_EQ(found->container, container);
  EXPECT_EQ(found->pod, pod);
  EXPECT_EQ(table_.FindContainer("ab").status().code(), absl::StatusCode::kInvalidArgument) << "of two pods";
  EXPECT_EQ(table_.FindContainer("x").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(table_.FindContainer("").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PodTableTest, AContainerThatClientsDoNotSeeIsNotFound) {
  const PodPtr pod = Add("p");
  Add(pod, "abc1", Container::State::kCreating);
  const ContainerPtr aborted = Add(pod, "abc2", Container::State::kAborted);
  EXPECT_EQ(table_.FindContainer("abc").status().code(), absl::StatusCode::kNotFound);
  const ContainerPtr seen = Add(pod, "abc3");
  EXPECT_EQ(table_.FindContainer("abc")->container, seen);
}

TEST_F(PodTableTest, ANameIsAllFourPartsOfIt) {
  const PodPtr pod = Add("p", Pod::State::kCreating);
  EXPECT_EQ(table_.ByName(Name("web", 0)), pod) << "also one that is being created: its name is taken";
  EXPECT_EQ(table_.ByName(Name("web", 1)), nullptr) << "another attempt";
  EXPECT_EQ(table_.ByName(Name("db", 0)), nullptr);
  cri::PodSandboxMetadata other = Name("web", 0);
  other.set_namespace_("kube-system");
  EXPECT_EQ(table_.ByName(other), nullptr);
  other = Name("web", 0);
  other.set_uid("another");
  EXPECT_EQ(table_.ByName(other), nullptr);
}

TEST_F(PodTableTest, WhatIsRemovedIsHeldByWhoHasIt) {
  Add("b");
  const PodPtr pod = Add("a");
  std::vector<std::string> ids;
  for (const PodPtr& one : table_.All()) ids.push_back(one->id());
  EXPECT_THAT(ids, ElementsAre("a", "b"));
  table_.Remove("a");
  table_.Remove("a");
  EXPECT_EQ(table_.ById("a"), nullptr);
  EXPECT_EQ(pod->id(), "a");
  EXPECT_EQ(table_.All().size(), 1u);
}

}  // namespace
}  // namespace crisp
