// FakeNetwork: a set of attached pods in place of CNI plugins.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "network/network.h"
#include "sandbox/testing/steps.h"

namespace crisp {

class FakeNetwork : public Network {
 public:
  explicit FakeNetwork(Steps* steps) : steps_(steps) {}

  std::set<std::string> attached() const;
  std::vector<PluginCheck> checks{};  // what Check answers

  absl::StatusOr<Commit> Prepare(CniOptions) override {
    return Commit([] {});
  }
  absl::Status Ready() override { return absl::OkStatus(); }
  absl::Status SetPodCidrs(const std::string&) override { return absl::OkStatus(); }
  absl::StatusOr<CniAttachment> Plan(const PodNetworkRequest& request) override;
  absl::StatusOr<PodAddresses> Attach(CniAttachment* attachment, const CallContext& call) override;
  absl::Status Detach(const CniAttachment& attachment, const CallContext& call) override;
  absl::StatusOr<std::vector<PluginCheck>> Check(const CniAttachment&, const CallContext&) override { return checks; }
  absl::Status CollectGarbage(absl::FunctionRef<std::vector<std::string>()>, const CallContext&) override {
    return absl::OkStatus();
  }
  bool PluginsInstalled(const CniAttachment&) override { return true; }
  std::string Describe() override { return "{}"; }
  const NetworkCounters& counters() const override { return counters_; }

 private:
  Steps* const steps_;
  NetworkCounters counters_;
  mutable Mutex mutex_;
  std::set<std::string> attached_ ABSL_GUARDED_BY(mutex_);  // by plan
};

}  // namespace crisp
