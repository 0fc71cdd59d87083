// PluginStatus: what the plugins of the pod network answer to STATUS (CNI spec 1.1.0, section 2): whether they can
// serve ADD. Older networks are not asked.
//
// Plugins are programs that may hang, and the kubelet asks for the network's condition every few seconds. So a caller
// that they keep waiting gets their previous answer.
//
// Thread-safe. Nothing runs while nobody asks.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/call_context.h"
#include "base/mutex.h"
#include "base/single_run.h"
#include "network/cni_chain.h"
#include "network/cni_config.h"

namespace crisp {

class PluginStatus {
 public:
  struct Limits {
    std::chrono::milliseconds patience{500};                        // of a caller
    std::chrono::milliseconds deadline = std::chrono::seconds(10);  // of the plugins
  };

  explicit PluginStatus(CniPlugins plugins) : PluginStatus(std::move(plugins), Limits()) {}
  PluginStatus(CniPlugins plugins, Limits limits);
  // Ends plugins that run.
  ~PluginStatus();
  PluginStatus(const PluginStatus&) = delete;
  PluginStatus& operator=(const PluginStatus&) = delete;

  // FailedPrecondition with what a plugin says, or that there is no answer yet.
  absl::Status Of(const std::vector<CniConfigList>& networks);

 private:
  absl::Status Ask(const std::vector<CniConfigList>& networks) const;

  const CniPlugins plugins_;
  const Limits limits_;
  std::atomic<bool> ending_ = false;
  Mutex mutex_;
  std::string about_ ABSL_GUARDED_BY(mutex_);  // the networks that `answer_` is about; empty: there is none
  absl::Status answer_ ABSL_GUARDED_BY(mutex_);
  SingleRun run_{"STATUS of the CNI plugins"};  // last: what it runs uses the rest
};

}  // namespace crisp
