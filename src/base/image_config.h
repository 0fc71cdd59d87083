// ImageConfig: what an image says about how it wants to be run. Made by images/, read by runtime/, which must not know
// each other. From the OCI image specification 1.1, config.md, "config"; names and defaults are as there.
#pragma once

#include <string>
#include <vector>

namespace crisp {

struct ImageConfig {
  std::string user;              // "user", "uid", "user:group", "uid:gid", "uid:group" or "user:gid"; empty is 0
  std::vector<std::string> env;  // "NAME=value"
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::string working_dir;
  std::string stop_signal;           // "SIGTERM", "TERM" or "15"; empty is SIGTERM
  std::vector<std::string> volumes;  // absolute paths in the container
  std::string os;
  std::string architecture;
};

}  // namespace crisp
