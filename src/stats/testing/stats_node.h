// StatsNode: the fixture of the tests that read what containers use: a node whose daemon has a sampler. Its containers
// have no process of their own; a test that wants them to use something gives them one (BusyCgroup). Needs root.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>

#include "base/call_context.h"
#include "base/log.h"
#include "sandbox/testing/fake_node.h"
#include "stats/sampler.h"

namespace crisp {

class StatsNode : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    SetLogOptions({.level = LogLevel::kError});
    node_ = std::make_unique<FakeNode>();
    // A daemon needs its observer before it makes the table that the sampler reads: hence the observer in between.
    node_->SetObserver(&observer_);
    ASSERT_EQ(node_->StartDaemon(), absl::OkStatus());
    sampler_ = std::make_unique<Sampler>(&node_->table(), node_->layout(), /*first_wait=*/std::chrono::seconds(5));
    observer_.sampler = sampler_.get();
  }
  void TearDown() override { node_.reset(); }

  // A pod with a cgroup of its own.
  std::string RunPod(const std::string& name = "web") {
    cri::RunPodSandboxRequest request = node_->PodRequest(name);
    request.mutable_config()->mutable_linux()->set_cgroup_parent(node_->cgroup() + "/" + name);
    return Run(request);
  }
  std::string Run(const cri::RunPodSandboxRequest& request) { return *node_->pods().RunPod(request, InTime()); }

  std::string RunContainer(const std::string& pod_id, const std::string& name = "app") {
    return RunContainer(node_->ContainerRequest(pod_id, name));
  }
  std::string RunContainer(const cri::CreateContainerRequest& request) {
    const std::string id = *node_->pods().CreateContainer(request, InTime());
    EXPECT_EQ(node_->pods().StartContainer(id, InTime()), absl::OkStatus());
    // The fake images make no writable layer.
    EXPECT_EQ(MakeDirs(node_->layout().Upper(id), 0755), absl::OkStatus());
    return id;
  }

  PodContainer Find(const std::string& container_id) const { return *node_->table().FindContainer(container_id); }
  PodPtr FindPod(const std::string& pod_id) const { return *node_->table().FindPod(pod_id); }
  std::string CgroupOf(const std::string& container_id) const {
    return Find(container_id).container->record().cgroups_path();
  }

  struct Observer : PodObserver {
    void OnPodStopped(const std::string& pod_id) override {
      if (sampler != nullptr) sampler->OnPodStopped(pod_id);
    }
    void OnContainerRemoved(const std::string& container_id) override {
      if (sampler != nullptr) sampler->OnContainerRemoved(container_id);
    }
    Sampler* sampler = nullptr;
  };

  Observer observer_;
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<FakeNode> node_;
};

}  // namespace crisp
