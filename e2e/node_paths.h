// Where a node of the tests has its files. crispd adds "/crisp" to the directories that its configuration names.
#pragma once

#include <string>
#include <utility>

namespace crisp::e2e {

class NodePaths {
 public:
  // `directory` takes everything but the state, which is below `state_parent`.
  NodePaths(std::string directory, std::string state_parent)
      : directory_(std::move(directory)), state_parent_(std::move(state_parent)) {}

  const std::string& directory() const { return directory_; }
  std::string root_parent() const { return directory_ + "/root"; }
  std::string root() const { return root_parent() + "/crisp"; }
  const std::string& state_parent() const { return state_parent_; }
  std::string state() const { return state_parent_ + "/crisp"; }
  std::string pod(const std::string& id) const { return state() + "/pods/" + id; }
  // The OCI spec of a container, and what the shim writes when it has exited.
  std::string spec(const std::string& pod_id, const std::string& id) const {
    return pod(pod_id) + "/" + id + "/config.json";
  }
  std::string exit_record(const std::string& id) const { return root() + "/containers/" + id + "/exit"; }

  std::string socket() const { return "/run/crisp.sock"; }
  std::string config_file() const { return directory_ + "/config.toml"; }
  std::string log() const { return directory_ + "/crispd.log"; }
  std::string logs() const { return directory_ + "/logs"; }  // of pods
  std::string runc() const { return directory_ + "/runc"; }  // the wrapper around runc
  std::string cni_conf_dir() const { return directory_ + "/cni/net.d"; }
  std::string cni_bin_dir() const { return directory_ + "/cni/bin"; }

 private:
  std::string directory_;
  std::string state_parent_;
};

}  // namespace crisp::e2e
