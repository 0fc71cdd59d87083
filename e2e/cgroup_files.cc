#include "e2e/cgroup_files.h"

#include <stdexcept>

#include "e2e/files.h"

namespace crisp::e2e {
namespace {

std::string Trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

bool HasCgroupV2() {
  return FileExists("/sys/fs/cgroup/cgroup.controllers");
}

std::string CgroupOf(pid_t pid, const std::string& controller) {
  for (const std::string& line : Lines(ReadFile("/proc/" + std::to_string(pid) + "/cgroup"))) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    if (HasCgroupV2() && controllers == ",,") return "/sys/fs/cgroup" + path;
    if (controllers.find("," + controller + ",") != std::string::npos) return "/sys/fs/cgroup/" + controller + path;
  }
  throw std::runtime_error("process " + std::to_string(pid) + " is in no cgroup of " + controller);
}

std::string CgroupFile(pid_t pid, const std::string& controller, const std::string& v1, const std::string& v2) {
  return Trimmed(ReadFile(CgroupOf(pid, controller) + "/" + (HasCgroupV2() ? v2 : v1)));
}

std::string CgroupFileOf(const std::string& path, const std::string& controller, const std::string& v1,
                         const std::string& v2) {
  return Trimmed(ReadFile("/sys/fs/cgroup/" + (HasCgroupV2() ? path + "/" + v2 : controller + path + "/" + v1)));
}

}  // namespace crisp::e2e
