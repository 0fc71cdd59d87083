// CniOptions: what the configuration says of the pod network. Plain values.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace crisp {

struct CniConfDirOptions {
  std::string path;      // absolute
  int max_conf_num = 1;  // networks of a pod: this many of the first files by name; 0: all
  bool operator==(const CniConfDirOptions&) const = default;
};

struct CniOptions {
  // Which of a pod's addresses comes first: the first IPv4 or IPv6 one, if there is one, else the first of all.
  enum class Choice { kIpv4, kIpv6, kFirst };

  std::vector<std::string> bin_dirs;
  CniConfDirOptions conf_dir{};
  Choice choice = Choice::kIpv4;
  std::string
      conf_template{};  // absolute; from which a configuration is written where there is none (generated_conf.h)
  std::string pod_cidrs_file{};  // where the node's ranges are kept for the next daemon (pod_cidrs.h); empty: nowhere
  std::map<std::string, CniConfDirOptions> handlers{};  // of runtime handlers with networks of their own, by name
  bool operator==(const CniOptions&) const = default;
};

}  // namespace crisp
