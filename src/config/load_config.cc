#include "config/load_config.h"

#include <toml++/toml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "config/reader.h"
#include "config/syntax_error.h"

namespace crisp {
namespace {

constexpr size_t kMaxFileSize = 4 << 20;  // bytes; users' files have some ten thousand

absl::StatusOr<std::string> ReadConfigFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    int error = errno;
    std::string text = absl::StrCat("open configuration ", path, ": ", strerror(error));
    return error == ENOENT ? absl::NotFoundError(text) : absl::InternalError(text);
  }
  std::string content;
  std::string chunk(64 << 10, '\0');
  while (file && content.size() <= kMaxFileSize) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    content.append(chunk, 0, static_cast<size_t>(file.gcount()));
  }
  // A directory opens, and then cannot be read.
  if (file.bad()) return absl::InternalError(absl::StrCat("read configuration ", path, ": ", strerror(errno)));
  if (content.size() > kMaxFileSize) {
    return absl::InvalidArgumentError(absl::StrCat("configuration ", path, " is longer than ", kMaxFileSize, " bytes"));
  }
  return content;
}

absl::StatusOr<toml::table> Parse(const std::string& path, const std::string& content) {
  try {
    return toml::parse(content, path);
  } catch (const toml::parse_error& error) {
    return absl::InvalidArgumentError(absl::StrCat(path, ":", error.source().begin.line,
                                                   ": not valid TOML: ", DescribeSyntaxError(error, content),
                                                   " (column ", error.source().begin.column, ")"));
  }
}

absl::StatusOr<int> VersionOf(const std::string& path, const toml::table& table) {
  const toml::node* node = table.get("version");
  std::optional<int64_t> version = node == nullptr ? 1 : node->value_exact<int64_t>();
  std::string place = node == nullptr ? path : absl::StrCat(path, ":", node->source().begin.line);
  if (!version) {
    return absl::InvalidArgumentError(absl::StrCat(place, ": version: expected an integer, found ", Describe(*node)));
  }
  if (*version == 2 || *version == 3) return static_cast<int>(*version);
  if (*version != 1) {
    return absl::InvalidArgumentError(absl::StrCat(place, ": version: expected 2 or 3, found ", *version));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      place, ": ",
      node == nullptr ? "version is missing, which makes this a version 1 file" : "this is a version 1 file",
      "; crisp reads version 2 and 3. If its plugins have names such as \"io.containerd.grpc.v1.cri\", put \"version = "
      "2\" in its first line; else convert it with \"containerd config migrate\""));
}

absl::Status SettleCni(Draft* draft) {
  std::vector<std::string>& dirs = draft->config.cni.bin_dirs;
  if (!draft->cni_bin_dir.empty() && !draft->cni_bin_dirs.empty()) {
    return absl::InvalidArgumentError("cni.bin_dir and cni.bin_dirs are both set; remove one of them");
  }
  if (!draft->cni_bin_dir.empty()) dirs = {draft->cni_bin_dir};
  if (!draft->cni_bin_dirs.empty()) dirs = draft->cni_bin_dirs;
  return absl::OkStatus();
}

absl::Status SettleRegistry(Draft* draft) {
  RegistryConfig& registry = draft->config.registry;
  if (!draft->registry_config_path.empty() && !registry.mirrors.empty()) {
    return absl::InvalidArgumentError("registry.config_path and registry.mirrors are both set; remove one of them");
  }
  if (!draft->registry_config_path.empty()) registry.config_path = draft->registry_config_path;
  if (!registry.mirrors.empty()) registry.config_path.clear();
  // As in containerd, the older spelling wins where there are both.
  for (auto& [host, auth] : draft->legacy_auth) registry.auth[host] = std::move(auth);
  return absl::OkStatus();
}

absl::Status SettleRuntimes(Draft* draft) {
  const Config& config = draft->config;
  if (config.runtimes.count(config.default_runtime_name) != 0) return absl::OkStatus();
  std::string known = absl::StrJoin(config.runtimes, ", ", [](std::string* out, const auto& r) { *out += r.first; });
  return absl::InvalidArgumentError(absl::StrCat("containerd.default_runtime_name: there is no runtime \"",
                                                 config.default_runtime_name, "\"; there are: ", known));
}

// What only the whole file can tell.
absl::Status Settle(Draft* draft) {
  RETURN_IF_ERROR(SettleCni(draft));
  RETURN_IF_ERROR(SettleRegistry(draft));
  return SettleRuntimes(draft);
}

}  // namespace

Config DefaultConfig() {
  return Config();
}

Config DefaultConfig(int version) {
  Config config;
  if (version < 3) {
    config.security.enable_unprivileged_ports = false;
    config.security.enable_unprivileged_icmp = false;
  }
  return config;
}

absl::StatusOr<Config> LoadConfig(const std::string& path, std::vector<std::string>* warnings) {
  ASSIGN_OR_RETURN(std::string content, ReadConfigFile(path));
  ASSIGN_OR_RETURN(toml::table table, Parse(path, content));
  ASSIGN_OR_RETURN(int version, VersionOf(path, table));
  Draft draft;
  draft.config = DefaultConfig(version);
  Reader reader(path, version, &draft);
  RETURN_IF_ERROR(reader.Read(table));
  RETURN_IF_ERROR(Settle(&draft), path);
  for (std::string& warning : reader.Warnings()) warnings->push_back(std::move(warning));
  return std::move(draft.config);
}

}  // namespace crisp
