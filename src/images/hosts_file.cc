#include "images/hosts_file.h"

#include <fcntl.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "images/hosts_toml.h"
#include "images/tls_store.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kFileLimit = 1 << 20;
constexpr char kDefault[] = "_default";

std::vector<std::string> Roots(const std::string& config_path) {
  return absl::StrSplit(config_path, ':', absl::SkipEmpty());
}

// The directory for `domain`, if there is one.
std::optional<std::string> DirectoryFor(const std::string& config_path, const std::string& domain) {
  std::vector<std::string> names;
  if (const size_t colon = domain.rfind(':'); colon != std::string::npos && !absl::EndsWith(domain, "]")) {
    names.push_back(absl::StrCat(domain.substr(0, colon), "_", domain.substr(colon + 1), "_"));
  }
  names.push_back(domain);
  names.push_back(kDefault);
  for (const std::string& root : Roots(config_path)) {
    for (const std::string& name : names) {
      std::string directory = absl::StrCat(root, "/", name);
      if (Exists(directory)) return directory;
    }
  }
  return std::nullopt;
}

// The registry for which a directory with this name is.
std::string DomainOf(absl::string_view name) {
  if (name == kDefault) return kAnyRegistry;
  const size_t underscore = name.substr(0, name.size() - 1).rfind('_');
  if (!absl::EndsWith(name, "_") || underscore == absl::string_view::npos) return std::string(name);
  return absl::StrCat(name.substr(0, underscore), ":", name.substr(underscore + 1, name.size() - underscore - 2));
}

absl::StatusOr<std::vector<Endpoint>> WithCertificates(const std::string& directory, std::vector<Endpoint> own) {
  RegistryTls tls;
  ASSIGN_OR_RETURN(std::vector<std::string> names, ListDir(directory));
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string file = absl::StrCat(directory, "/", name);
    if (absl::EndsWith(name, ".crt")) tls.ca_files.push_back(file);
    if (!absl::EndsWith(name, ".cert")) continue;
    const std::string key = absl::StrCat(absl::StripSuffix(file, ".cert"), ".key");
    tls.clients.push_back({file, Exists(key) ? key : ""});
  }
  if (tls == RegistryTls()) return own;
  for (Endpoint& endpoint : own) {
    tls.insecure_skip_verify = endpoint.tls.has_value() && endpoint.tls->insecure_skip_verify;
    endpoint.tls = tls;
  }
  return own;
}

absl::StatusOr<std::vector<Endpoint>> EndpointsIn(const std::string& directory, const std::string& domain,
                                                  const std::vector<Endpoint>& own,
                                                  std::vector<std::string>* warnings) {
  const std::string path = absl::StrCat(directory, "/hosts.toml");
  if (!Exists(path)) return WithCertificates(directory, own);
  const absl::StatusOr<std::string> text = ReadFileAt(AT_FDCWD, path, kFileLimit);
  if (!text.ok()) return absl::InternalError(text.status().message());
  if (text->empty()) return WithCertificates(directory, own);
  return ParseHostsToml(*text, path, domain, own, warnings);
}

// Appends what cannot be used in one directory.
void Check(const std::string& directory, const std::string& name, std::vector<std::string>* faults,
           std::vector<std::string>* warnings) {
  const std::string domain = DomainOf(name);
  if (absl::AsciiStrToLower(name) != name) {
    warnings->push_back(absl::StrCat(directory, " is for no registry: write its host in lower case"));
  }
  const absl::StatusOr<std::vector<Endpoint>> endpoints =
      EndpointsIn(directory, domain, RegistryItself(domain), warnings);
  if (!endpoints.ok()) return faults->push_back(std::string(endpoints.status().message()));
  for (const Endpoint& endpoint : *endpoints) {
    const absl::Status usable = CheckTlsFiles(endpoint.tls.value_or(RegistryTls()));
    if (endpoint.fallback || usable.ok()) continue;  // a fallback has the files of the endpoint before it
    faults->push_back(absl::StrCat(directory, ": ", endpoint.url.Printable(), ": ", usable.message()));
  }
}

}  // namespace

absl::StatusOr<std::vector<Endpoint>> EndpointsFromHostsFile(const std::string& config_path, const std::string& domain,
                                                             const std::vector<Endpoint>& own,
                                                             std::vector<std::string>* warnings) {
  const std::optional<std::string> directory = DirectoryFor(config_path, domain);
  if (!directory.has_value()) return std::vector<Endpoint>();
  return EndpointsIn(*directory, domain, own, warnings);
}

std::vector<std::string> RegistriesOfHostsFiles(const std::string& config_path) {
  std::set<std::string> registries;
  for (const std::string& root : Roots(config_path)) {
    for (const std::string& name : ListDir(root).value_or(std::vector<std::string>())) {
      if (ListDir(absl::StrCat(root, "/", name)).ok()) registries.insert(DomainOf(name));
    }
  }
  return {registries.begin(), registries.end()};
}

std::vector<std::string> FaultsOfHostsFiles(const std::string& config_path, std::vector<std::string>* warnings) {
  std::vector<std::string> faults;
  for (const std::string& root : Roots(config_path)) {
    const absl::StatusOr<std::vector<std::string>> names = ListDir(root);
    if (!names.ok()) continue;  // a directory may be made later
    for (const std::string& name : *names) {
      const std::string directory = absl::StrCat(root, "/", name);
      if (ListDir(directory).ok()) Check(directory, name, &faults, warnings);
    }
  }
  return faults;
}

}  // namespace crisp
