#include "sandbox/update_resources.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/testing/wait.h"
#include "os/cgroup.h"
#include "os/file.h"
#include "os/testing/test_dir.h"
#include "sandbox/bundle_spec.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/status_message.h"
#include "sandbox/testing/fake_node.h"

namespace crisp {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr int64_t kMemory = 64 << 20;

class UpdateResourcesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    UseRuntime("exit 0");
    ASSERT_EQ(node_.StartDaemon(), absl::OkStatus());
    pod_ = *node_.RunPod();
    container_ = *node_.CreateContainer(pod_);
  }

  // From now on the OCI runtime keeps what `update` gets on stdin, one line for each time, and then does `more`.
  void UseRuntime(const std::string& more) {
    const std::string program = dir_.Path("runtime");
    const std::string text = absl::StrCat("#!/bin/sh\ncase \" $* \" in *\" update \"*) cat >>", calls_, "; echo >>",
                                          calls_, "; ", more, ";; esac\n");
    ASSERT_EQ(WriteFileAtomically(AT_FDCWD, program, text, 0755), absl::OkStatus());
    node_.SetRuntime(program);
  }

  absl::Status Update(int64_t memory, int64_t shares = 0) {
    cri::UpdateContainerResourcesRequest request;
    request.set_container_id(container_);
    request.mutable_linux()->set_memory_limit_in_bytes(memory);
    request.mutable_linux()->set_cpu_shares(shares);
    return node_.pods().UpdateContainer(request, InTime());
  }

  void Start() { ASSERT_EQ(node_.pods().StartContainer(container_, InTime()), absl::OkStatus()); }

  json MemoryInSpec() {
    const json spec = json::parse(*ReadBundleSpec(node_.layout(), pod_, container_));
    const json& resources = spec.at("linux").at("resources");
    return resources.contains("memory") ? resources["memory"].value("limit", json()) : json();
  }
  int64_t MemoryOnRecord() {
    return ResourcesOf(node_.table().FindContainer(container_)->container->record()).memory_limit_in_bytes();
  }
  std::vector<json> Calls() {
    std::vector<json> calls;
    const absl::StatusOr<std::string> text = ReadFileAt(AT_FDCWD, calls_, 1 << 20);
    std::istringstream lines(text.ok() ? *text : "");
    for (std::string line; std::getline(lines, line);) calls.push_back(json::parse(line));
    return calls;
  }
  void ExpectUnchanged() {
    EXPECT_EQ(MemoryInSpec(), json());
    EXPECT_EQ(MemoryOnRecord(), 0);
  }

  const TestDir dir_;
  const std::string calls_ = dir_.Path("calls");
  FakeNode node_;
  std::string pod_;
  std::string container_;
};

TEST_F(UpdateResourcesTest, OfACreatedContainerChangesItsSpecAndItsRecord) {
  ASSERT_EQ(Update(kMemory), absl::OkStatus());
  EXPECT_EQ(MemoryInSpec(), kMemory);
  EXPECT_EQ(MemoryOnRecord(), kMemory);
  EXPECT_TRUE(Calls().empty()) << "the runtime does not know the container yet";
}

TEST_F(UpdateResourcesTest, OfARunningContainerGoesThroughTheRuntime) {
  Start();
  ASSERT_EQ(Update(kMemory), absl::OkStatus());
  ASSERT_EQ(Calls().size(), 1U);
  EXPECT_EQ(Calls()[0].at("memory").at("limit"), kMemory);
  EXPECT_EQ(MemoryInSpec(), kMemory);
  EXPECT_EQ(MemoryOnRecord(), kMemory);
}

TEST_F(UpdateResourcesTest, ALimitThatTheRequestLeavesOutStays) {
  ASSERT_EQ(Update(kMemory), absl::OkStatus());
  ASSERT_EQ(Update(0, 512), absl::OkStatus());
  EXPECT_EQ(MemoryInSpec(), kMemory);
  EXPECT_EQ(MemoryOnRecord(), kMemory);
}

TEST_F(UpdateResourcesTest, TheNextDaemonKnowsTheNewLimits) {
  ASSERT_EQ(Update(kMemory), absl::OkStatus());
  ASSERT_EQ(node_.StartDaemon(), absl::OkStatus());
  EXPECT_EQ(MemoryOnRecord(), kMemory);
}

TEST_F(UpdateResourcesTest, ARuntimeThatFailsLeavesTheOldLimits) {
  Start();
  UseRuntime("echo no such limit >&2; exit 1");
  const absl::Status refused = Update(kMemory);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(refused.message()), HasSubstr(absl::StrCat("update container ", container_)));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("no such limit"));
  ExpectUnchanged();
  ASSERT_EQ(Calls().size(), 2U) << "what it did before it failed is undone";
  EXPECT_FALSE(Calls()[1].contains("memory") && Calls()[1]["memory"].contains("limit"));
}

TEST_F(UpdateResourcesTest, ADatabaseThatCannotBeWrittenLeavesTheOldLimits) {
  Start();
  node_.KillDaemon();
  EXPECT_NE(Update(kMemory), absl::OkStatus());
  ExpectUnchanged();
  EXPECT_EQ(Calls().size(), 2U);
  ASSERT_EQ(node_.StartDaemon(), absl::OkStatus());
  ExpectUnchanged();
}

TEST_F(UpdateResourcesTest, AContainerThatEndsMeanwhileIsAFailedPrecondition) {
  Start();
  UseRuntime(absl::StrCat("until [ -e ", dir_.Path("go"), " ]; do sleep 0.01; done; exit 1"));
  std::future<absl::Status> update = std::async(std::launch::async, [this] { return Update(kMemory); });
  ASSERT_TRUE(Eventually([this] { return !Calls().empty(); }));
  node_.shims().Exit(container_, 3);
  ASSERT_EQ(WriteFileAt(AT_FDCWD, dir_.Path("go"), "", 0644), absl::OkStatus());
  const absl::Status refused = update.get();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("it has exited meanwhile"));
  ExpectUnchanged();
}

TEST_F(UpdateResourcesTest, AContainerThatHasExitedIsRefused) {
  Start();
  node_.shims().Exit(container_, 3);
  EXPECT_EQ(Update(kMemory).code(), absl::StatusCode::kFailedPrecondition);
  ExpectUnchanged();
}

TEST_F(UpdateResourcesTest, LimitsThatMakeNoSenseChangeNothing) {
  const absl::Status refused = Update(-5);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("linux.memory_limit_in_bytes"));
  ExpectUnchanged();
}

TEST_F(UpdateResourcesTest, WindowsLimitsAreRefused) {
  cri::UpdateContainerResourcesRequest request;
  request.set_container_id(container_);
  request.mutable_windows();
  EXPECT_EQ(node_.pods().UpdateContainer(request, InTime()).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(UpdateResourcesTest, OfAnUnknownContainerIsNotFound) {
  container_ = "absent";
  EXPECT_EQ(Update(kMemory).code(), absl::StatusCode::kNotFound);
}

class UpdatePodTest : public UpdateResourcesTest {
 protected:
  void SetUp() override {
    UpdateResourcesTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // The fake pause container is not in all hierarchies. The node removes the cgroups.
    const auto dirs = ContainerCgroups(node_.cgroup(), /*systemd=*/false);
    ASSERT_EQ(dirs.status(), absl::OkStatus());
    for (const cgroup::Dir& dir : *dirs) ASSERT_EQ(MakeDirs(dir.path, 0755), absl::OkStatus());
  }
  absl::Status UpdatePod(int64_t memory) {
    cri::UpdatePodSandboxResourcesRequest request;
    request.set_pod_sandbox_id(pod_);
    request.mutable_resources()->set_memory_limit_in_bytes(memory);
    return node_.pods().UpdatePod(request, InTime());
  }
  int64_t LimitOnRecord() {
    return (*node_.table().FindPod(pod_))->record().updated_resources().memory_limit_in_bytes();
  }
};

TEST_F(UpdatePodTest, IsOnRecordAlsoForTheNextDaemon) {
  ASSERT_EQ(UpdatePod(kMemory), absl::OkStatus());
  EXPECT_EQ(LimitOnRecord(), kMemory);
  ASSERT_EQ(node_.StartDaemon(), absl::OkStatus());
  EXPECT_EQ(LimitOnRecord(), kMemory);
}

TEST_F(UpdatePodTest, WhatCannotBeRecordedDoesNotCount) {
  node_.KillDaemon();
  EXPECT_NE(UpdatePod(kMemory), absl::OkStatus());
  EXPECT_EQ(LimitOnRecord(), 0);
}

TEST_F(UpdatePodTest, OfAStoppedPodIsRefused) {
  ASSERT_EQ(node_.pods().StopPod(pod_, InTime()), absl::OkStatus());
  EXPECT_EQ(UpdatePod(kMemory).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(LimitOnRecord(), 0);
}

TEST_F(UpdatePodTest, LimitsThatMakeNoSenseAreRefused) {
  const absl::Status refused = UpdatePod(-5);
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("resources.memory_limit_in_bytes"));
}

}  // namespace
}  // namespace crisp
