// Node: a crispd with a configuration, a CNI network and a registry, on the test's machine.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "e2e/client.h"
#include "e2e/daemon_process.h"
#include "e2e/images.h"
#include "e2e/machine.h"
#include "e2e/registry.h"
#include "e2e/snapshot.h"

namespace crisp::e2e {

inline constexpr int kRegistryPort = 5000;

class Node;

struct NodeOptions {
  std::vector<std::string> endpoints = {"http://127.0.0.1:5000"};  // of every registry host that tests name
  bool cni_config = true;
  std::string sandbox_image = kPause;
  std::string preload_dir;
  std::string state_parent = "/run/e2e";                // crispd adds "/crisp"
  bool pull_images = true;                              // the pause image and busybox, before the test begins
  std::string cri_toml;                                 // keys of the CRI plugin's own table
  std::string extra_toml;                               // behind the rest
  std::function<std::string(const Node&)> config = {};  // the whole file, in place of ours
};

// How a wrapper around runc or a CNI plugin makes a moment last, so that a test can do something in it.
enum class Moment { kBefore, kAfter };

class Node {
 public:
  // Writes the configuration. Nothing runs yet.
  Node(const Machine& machine, const NodeOptions& options);

  // Starts crispd and returns when it answers Version. Throws with its log if it ends instead.
  void Start();
  void Kill() { crispd_.Kill(); }
  int Terminate() { return crispd_.Terminate(); }
  void Restart() {
    Kill();
    Start();
  }
  bool Running() { return crispd_.Running(); }
  pid_t pid() const { return crispd_.pid(); }

  Cri& cri() { return *cri_; }
  Registry& registry() { return *registry_; }
  std::string Log() const;

  const std::string& directory() const { return directory_; }
  std::string root() const { return directory_ + "/root/crisp"; }  // crispd adds "/crisp" to what its file says
  std::string state() const { return state_parent_ + "/crisp"; }
  std::string socket() const { return "/run/crisp.sock"; }
  std::string logs() const { return directory_ + "/logs"; }
  std::string config_file() const { return directory_ + "/config.toml"; }
  std::string cni_conf_dir() const { return directory_ + "/cni/net.d"; }
  std::string cni_bin_dir() const { return directory_ + "/cni/bin"; }
  const std::string& cgroup_parent() const { return cgroup_parent_; }
  // Where the container `id` is in every hierarchy: "/parent/id", or systemd's scope.
  std::string CgroupOf(const std::string& id) const {
    return cgroup_parent_ + (WithSystemd() ? "/crisp-" + id + ".scope" : "/" + id);
  }

  Snapshot Look() const;
  SnapshotScope Scope() const;

  // The network that pods get; `plugin` stands in for bridge where it is given. `last` runs behind portmap.
  void WriteCniConfig(const std::string& plugin = "bridge", const std::string& last = "");
  void RemoveCniConfig();

  // From now on `command` ("create", "start", "exec", "delete", "update" of runc; "ADD", "DEL" of the plugin
  // "e2e-bridge"; "last-ADD", "last-DEL" of "e2e-last") stalls, before or after it has done its work, until Release.
  // For runc every call goes through the wrapper, for CNI call WriteCniConfig with the plugin.
  void Stall(const std::string& command, Moment moment = Moment::kBefore);
  // Waits until a call of `command` has got there and returns the pid of the wrapper that stalls.
  pid_t WaitForStalled(const std::string& command);
  // From now on `command` is killed (SIGKILL) that long after it was called, if it has not ended, until Release.
  void KillAfter(const std::string& command, double seconds);
  // Lets go who stalls, and the calls to come.
  void Release(const std::string& command);
  void ReleaseAll();
  // From now on `command` prints `output`, exits with `code` and does nothing else, until Release.
  void Fail(const std::string& command, const std::string& output, int code);

 private:
  std::string Marker(const std::string& command) const { return directory_ + "/wrap/" + command; }
  void WriteConfig(const NodeOptions& options);
  void WriteWrappers();

  const std::string directory_;
  const std::string state_parent_;
  const std::string cgroup_parent_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Cri> cri_;
  DaemonProcess crispd_;
};

}  // namespace crisp::e2e
