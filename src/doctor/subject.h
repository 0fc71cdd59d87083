// Subject: what the checks of the doctor look at: the node's files, and crispd's configuration.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "config/config.h"
#include "doctor/host_tree.h"
#include "store/layout.h"

namespace crisp {

struct DoctorOptions {
  std::string config;  // the configuration file; empty: kUsualConfig if it is there, else crispd's defaults
  std::string
      kubelet_config;       // the kubelet's configuration file; empty: what its command line says, else the usual one
  std::string kubelet_url;  // where the kubelet's /configz is, without it; empty: it is not asked
};

inline constexpr char kUsualConfig[] = "/etc/crisp/config.toml";  // deploy/crispd.service

// Immutable while checks run, which may go on after the doctor has given its answer.
struct Subject {
  HostTree tree;
  DoctorOptions options;
  std::string config_file;                   // that was read; empty: none
  Config config;                             // the defaults if the file cannot be loaded
  absl::Status config_status;                // of loading it
  std::vector<std::string> config_warnings;  // one line each

  Layout layout() const { return Layout(config.root, config.state, config.netns_mounts_under_state_dir); }
};

// Reads the configuration.
Subject SubjectOf(DoctorOptions options, HostTree tree = HostTree());

}  // namespace crisp
