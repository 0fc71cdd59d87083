// Node: a crispd with a configuration, a CNI network and a registry, on the test's machine.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "e2e/client.h"
#include "e2e/daemon_process.h"
#include "e2e/images.h"
#include "e2e/log_records.h"
#include "e2e/machine.h"
#include "e2e/node_paths.h"
#include "e2e/registry.h"
#include "e2e/snapshot.h"
#include "e2e/wrappers.h"

namespace crisp::e2e {

inline constexpr int kRegistryPort = 5000;

struct NodeOptions {
  std::vector<std::string> endpoints = {"http://127.0.0.1:5000"};  // mirrors of every registry host that tests name
  bool cni_config = true;
  std::string sandbox_image = kPause;
  std::string preload_dir;
  std::string state_parent = "/run/e2e";  // crispd adds "/crisp"
  bool pull_images = true;                // the pause image and busybox, before the test begins
  std::string cri_toml;                   // more keys of the CRI plugin's own table
  std::string cni_toml;                   // more keys of its table of the network
  std::string crisp_toml;                 // more keys of the table [crisp]
  std::string extra_toml;                 // more tables
  // The whole configuration file in place of ours. Its keys may be given to these paths only.
  std::function<std::string(const NodePaths&)> config = {};
};

// Not thread-safe, but for cri(). Throws std::runtime_error where a node cannot be had.
class Node {
 public:
  // Writes the configuration and starts the registry. crispd does not run yet.
  Node(const Machine& machine, const NodeOptions& options);

  // Starts crispd and returns when it answers Version. Throws with its log if it ends or hangs instead.
  void Start();
  void Kill() { crispd_.Kill(); }
  // As a service manager ends it: SIGTERM. Returns the wait status.
  int Terminate() { return crispd_.Terminate(); }
  void Restart() {
    Kill();
    Start();
  }
  bool Running() { return crispd_.Running(); }
  pid_t pid() const { return crispd_.pid(); }

  // A new client after each Start.
  Cri& cri() { return *cri_; }
  Registry& registry() { return *registry_; }
  Wrappers& wrappers() { return wrappers_; }
  const NodePaths& paths() const { return paths_; }

  // What crispd has logged since the node was made, at every level, over all its starts.
  std::string Log() const;
  std::vector<LogRecord> LogRecords() const { return ParseLogRecords(Log()); }

  // The cgroup that the test's pods are made in: "/crisp-e2e-XXXXXX", or a slice's path.
  const std::string& cgroup_parent() const { return cgroup_parent_; }
  // The path of the container's cgroup in every hierarchy: "/parent/id", or systemd's scope.
  std::string CgroupOf(const std::string& id) const {
    return cgroup_parent_ + (WithSystemd() ? "/crisp-" + id + ".scope" : "/" + id);
  }

  // Everything that pods leave traces in. The descriptors in it are crispd's, or those of the process `whose`.
  Snapshot Look() const { return Look(pid()); }
  Snapshot Look(pid_t whose) const;

  // The network that pods get from now on: `plugin` makes its interface, portmap its host ports, and `last` runs at the
  // end if it is given.
  void WriteCniConfig(const std::string& plugin = "bridge", const std::string& last = "");
  void RemoveCniConfig();

 private:
  void WriteConfig(const NodeOptions& options);

  const NodePaths paths_;
  const std::string cgroup_parent_;
  Wrappers wrappers_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Cri> cri_;
  DaemonProcess crispd_;
};

}  // namespace crisp::e2e
