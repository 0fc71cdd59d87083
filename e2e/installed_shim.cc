#include "e2e/installed_shim.h"

#include <filesystem>
#include <stdexcept>

#include "e2e/files.h"

namespace crisp::e2e {

InstalledShim::InstalledShim(const NodePaths& paths) : path_(paths.directory() + "/crisp-shim") {
  Install(ReadFile(CRISP_SHIM));
  std::string config = ReadFile(paths.config_file());
  config.replace(config.find(CRISP_SHIM), std::string(CRISP_SHIM).size(), path_);
  WriteFile(paths.config_file(), config);
}

void InstalledShim::Install(const std::string& content) const {
  WriteScript(path_ + ".new", content);
  std::filesystem::rename(path_ + ".new", path_);
}

void InstalledShim::InstallNewer() const {
  const std::string told = Run(CRISP_SHIM, {"--build"});
  const std::string hex = told.substr(told.find(' ') + 1, 40);
  std::string id;
  for (size_t i = 0; i < hex.size(); i += 2) id += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  std::string content = ReadFile(CRISP_SHIM);
  const size_t at = content.find(id);
  if (at == std::string::npos) throw std::runtime_error("crisp-shim does not contain its build id, " + hex);
  content[at] = static_cast<char>(content[at] ^ 1);
  Install(content);
}

}  // namespace crisp::e2e
