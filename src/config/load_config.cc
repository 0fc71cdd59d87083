#include "config/load_config.h"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "config/config_file.h"
#include "config/imports.h"
#include "config/reader.h"

namespace crisp {
namespace {

// After each file, since the older key of one must not stand beside the newer one of another.
absl::Status SettleCni(Draft* draft) {
  std::vector<std::string>& dirs = draft->config.cni.bin_dirs;
  if (!draft->cni_bin_dir.empty() && !draft->cni_bin_dirs.empty()) {
    return absl::InvalidArgumentError("cni.bin_dir and cni.bin_dirs are both set; remove one of them");
  }
  if (!draft->cni_bin_dir.empty()) dirs = {draft->cni_bin_dir};
  if (!draft->cni_bin_dirs.empty()) dirs = draft->cni_bin_dirs;
  draft->cni_bin_dir.clear();
  draft->cni_bin_dirs.clear();
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

void SettleFaults(Draft* draft) {
  for (auto& [name, handler] : draft->config.runtimes) {
    const auto values = [](std::string* out, const auto& fault) { *out += fault.second; };
    handler.unusable = absl::StrJoin(draft->faults[name], "; ", values);
  }
}

absl::Status SettleRuntimes(Draft* draft) {
  SettleFaults(draft);
  const Config& config = draft->config;
  const auto found = config.runtimes.find(config.default_runtime_name);
  if (found != config.runtimes.end() && found->second.unusable.empty()) return absl::OkStatus();
  std::vector<std::string> usable;
  for (const auto& [name, handler] : config.runtimes) {
    if (handler.unusable.empty()) usable.push_back(name);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "containerd.default_runtime_name: ", found == config.runtimes.end() ? "there is no runtime \"" : "the runtime \"",
      config.default_runtime_name, "\"",
      found == config.runtimes.end() ? "" : absl::StrCat(" cannot be run: ", found->second.unusable),
      "; there are: ", absl::StrJoin(usable, ", ")));
}

// What only all files together can tell.
absl::Status Settle(Draft* draft) {
  RETURN_IF_ERROR(SettleRegistry(draft));
  return SettleRuntimes(draft);
}

// Reads a file and those that it imports, in containerd's order: its imports, then theirs. What a later one says
// counts.
class Loader {
 public:
  Reading Load(const std::string& path) {
    waiting_.push_back(path);
    for (; !waiting_.empty(); waiting_.pop_front()) LoadFile(waiting_.front());
    if (error_.ok()) Check(path, Annotate(Settle(&draft_), path));
    return Finish();
  }

  Reading LoadText(const std::string& path, const std::string& content) {
    std::vector<std::string> warnings;
    UseFile(path, ParseConfigText(path, content, &warnings), warnings);
    if (error_.ok()) Check(path, Annotate(SettleRegistry(&draft_), path));
    SettleFaults(&draft_);
    return Finish();
  }

 private:
  // Takes note of an error that is of no single key.
  bool Check(const std::string& path, const absl::Status& status) {
    if (status.ok()) return true;
    if (error_.ok()) error_ = status;
    AddFinding(path, KeyVerdict::kRefused, std::string(status.message()));
    return false;
  }

  void WarnOfFile(const std::string& path, const std::string& warning) {
    reading_.warnings.push_back(warning);
    AddFinding(path, KeyVerdict::kHonoured, warning);
  }

  void AddFinding(const std::string& path, KeyVerdict verdict, std::string remark) {
    KeyFinding finding;
    finding.file = path;
    finding.verdict = verdict;
    finding.remarks = {std::move(remark)};
    reading_.findings.push_back(std::move(finding));
  }

  void LoadFile(const std::string& path) {
    if (!loaded_.insert(IdentityOfFile(path)).second) return;
    std::vector<std::string> warnings;
    const absl::StatusOr<ConfigFile> file = ReadConfigFile(path, &warnings);
    UseFile(path, file, warnings);
    const std::vector<std::string> imports = std::exchange(draft_.imports, {});
    if (imports.empty()) return;
    const uint32_t line = file->table.get("imports")->source().begin.line;
    Check(path, Annotate(QueueImports(path, imports), absl::StrCat(path, ":", line, ": imports")));
  }

  void UseFile(const std::string& path, const absl::StatusOr<ConfigFile>& file,
               const std::vector<std::string>& warnings) {
    reading_.files.push_back(path);
    if (!Check(path, file.status())) return;
    for (const std::string& warning : warnings) WarnOfFile(path, warning);
    if (reading_.files.size() == 1) Begin(*file);
    ReadKeys(*file);
  }

  Reading Finish() {
    if (error_.ok()) {
      reading_.config = std::move(draft_.config);
    } else {
      reading_.config = error_;
    }
    return std::move(reading_);
  }

  void Begin(const ConfigFile& first) {
    reading_.version = first.version;
    draft_.config = first.table.empty() ? DefaultConfig() : DefaultConfig(first.version);
  }

  void ReadKeys(const ConfigFile& file) {
    Reader reader(file.path, file.version, &draft_);
    const absl::Status read = reader.Read(file.table);
    if (error_.ok()) error_ = read;
    for (std::string& warning : reader.Warnings()) reading_.warnings.push_back(std::move(warning));
    for (KeyFinding& finding : reader.TakeFindings()) reading_.findings.push_back(std::move(finding));
    Check(file.path, Annotate(SettleCni(&draft_), file.path));
  }

  absl::Status QueueImports(const std::string& importer, const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) {
      ASSIGN_OR_RETURN(const std::vector<ImportedFile> files, FindImports(importer, pattern));
      for (const ImportedFile& file : files) {
        // A glob in its own directory matches the file itself, which is no wish to import it.
        if (file.by_glob && IdentityOfFile(file.path) == IdentityOfFile(importer)) continue;
        std::error_code error;
        if (!std::filesystem::exists(file.path, error)) {
          return absl::InvalidArgumentError(absl::StrCat("there is no file ", file.path));
        }
        RETURN_IF_ERROR(graph_.Add(importer, file.path));
        waiting_.push_back(file.path);
      }
    }
    return absl::OkStatus();
  }

  Reading reading_;
  absl::Status error_;  // the first one
  Draft draft_;
  ImportGraph graph_;
  std::deque<std::string> waiting_;
  std::set<std::string> loaded_;
};

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
  Reading reading = ReadConfiguration(path);
  for (std::string& warning : reading.warnings) warnings->push_back(std::move(warning));
  return std::move(reading.config);
}

Reading ReadConfiguration(const std::string& path) {
  return Loader().Load(path);
}

Reading ReadConfigurationText(const std::string& path, const std::string& content) {
  return Loader().LoadText(path, content);
}

}  // namespace crisp
