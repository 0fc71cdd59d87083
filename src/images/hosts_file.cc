#include "images/hosts_file.h"

#include <fcntl.h>

#include <toml++/toml.h>
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr size_t kFileLimit = 1 << 20;

absl::Status Invalid(absl::string_view text) {
  return absl::InternalError(text);
}

std::string Absolute(const std::string& directory, const std::string& path) {
  return absl::StartsWith(path, "/") ? path : absl::StrCat(directory, "/", path);
}

// The directory for `domain`, if there is one.
std::optional<std::string> DirectoryFor(const std::string& config_path, const std::string& domain) {
  std::vector<std::string> names;
  if (const size_t colon = domain.rfind(':'); colon != std::string::npos && !absl::EndsWith(domain, "]")) {
    names.push_back(absl::StrCat(domain.substr(0, colon), "_", domain.substr(colon + 1), "_"));
  }
  names.push_back(domain);
  names.push_back("_default");
  for (const std::string& root : std::vector<std::string>(absl::StrSplit(config_path, ':', absl::SkipEmpty()))) {
    for (const std::string& name : names) {
      std::string directory = absl::StrCat(root, "/", name);
      if (Exists(directory)) return directory;
    }
  }
  return std::nullopt;
}

absl::StatusOr<std::string> OnlyString(const toml::node& node, absl::string_view key) {
  const toml::node* value = &node;
  if (const toml::array* list = node.as_array()) {
    if (list->size() != 1) return Invalid(absl::StrCat("\"", key, "\" must be one path: more are not supported"));
    value = list->get(0);
  }
  const toml::value<std::string>* text = value->as_string();
  if (text == nullptr) return Invalid(absl::StrCat("\"", key, "\" is not a path"));
  return text->get();
}

// Either one file with certificate and key, or the pair [certificate, key]. The pair may be the only element of a list.
absl::Status ReadClient(const toml::node& node, const std::string& directory, RegistryTls* tls) {
  const toml::array* pair = node.as_array();
  if (pair != nullptr && pair->size() == 1 && pair->get(0)->is_array()) pair = pair->get(0)->as_array();
  if (pair != nullptr && pair->size() == 2 && pair->get(0)->is_string() && pair->get(1)->is_string()) {
    tls->cert_file = Absolute(directory, pair->get(0)->as_string()->get());
    tls->key_file = Absolute(directory, pair->get(1)->as_string()->get());
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string file, OnlyString(node, "client"));
  tls->cert_file = tls->key_file = Absolute(directory, file);
  return absl::OkStatus();
}

absl::Status ReadCapabilities(const toml::node& node, Endpoint* endpoint) {
  const toml::array* list = node.as_array();
  if (list == nullptr) return Invalid("\"capabilities\" is not a list");
  endpoint->resolves = endpoint->serves_blobs = false;
  for (const toml::node& entry : *list) {
    const std::string capability = entry.value_or(std::string());
    if (capability == "resolve") endpoint->resolves = true;
    if (capability == "pull") endpoint->serves_blobs = true;
    if (capability != "resolve" && capability != "pull" && capability != "push") {
      return Invalid("\"capabilities\" are \"pull\", \"resolve\" and \"push\"");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadHeaders(const toml::node& node, Endpoint* endpoint) {
  const toml::table* headers = node.as_table();
  if (headers == nullptr) return Invalid("\"header\" is not a table");
  for (const auto& [name, value] : *headers) {
    std::vector<const toml::node*> values = {&value};
    if (const toml::array* list = value.as_array()) {
      values.clear();
      for (const toml::node& one : *list) values.push_back(&one);
    }
    for (const toml::node* one : values) {
      const toml::value<std::string>* text = one->as_string();
      if (text == nullptr || text->get().find_first_of("\r\n") != std::string::npos) {
        return Invalid(absl::StrCat("header \"", std::string(name.str()), "\" is not a line of text"));
      }
      endpoint->headers.emplace_back(std::string(name.str()), text->get());
    }
  }
  return absl::OkStatus();
}

absl::Status ReadHost(const toml::table& table, const std::string& directory, Endpoint* endpoint) {
  RegistryTls tls;
  bool has_tls = false;
  for (const auto& [key, value] : table) {
    if (key == "ca") {
      ASSIGN_OR_RETURN(const std::string file, OnlyString(value, "ca"));
      tls.ca_file = Absolute(directory, file);
      has_tls = true;
    } else if (key == "client") {
      RETURN_IF_ERROR(ReadClient(value, directory, &tls));
      has_tls = true;
    } else if (key == "skip_verify") {
      tls.insecure_skip_verify = value.value_or(false);
      has_tls = true;
    } else if (key == "capabilities") {
      RETURN_IF_ERROR(ReadCapabilities(value, endpoint));
    } else if (key == "header") {
      RETURN_IF_ERROR(ReadHeaders(value, endpoint));
    }
  }
  if (has_tls) endpoint->tls = tls;
  return absl::OkStatus();
}

// "/v2" is appended to the path unless override_path is set.
absl::StatusOr<Endpoint> MakeHost(const std::string& url, const toml::table& table, const std::string& directory,
                                  const std::string& domain) {
  ASSIGN_OR_RETURN(Endpoint endpoint, ParseEndpoint(url, domain, !table["override_path"].value_or(false)));
  RETURN_IF_ERROR(ReadHost(table, directory, &endpoint));
  return endpoint;
}

// The name of a host's table in errors, without a user or password in the URL.
std::string HostKey(const toml::key& url) {
  return absl::StrCat("host.\"", WithoutUserInfo(std::string(url.str())), "\"");
}

// The endpoints of the tables `host` in the order of the file. A toml::table does not keep the order, so the keys are
// sorted by line.
absl::StatusOr<std::vector<Endpoint>> ReadHostTables(const toml::table& hosts, const std::string& directory,
                                                     const std::string& domain) {
  std::vector<std::pair<toml::source_index, Endpoint>> by_line;
  for (const auto& [url, node] : hosts) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return Invalid(absl::StrCat(HostKey(url), " is not a table"));
    ASSIGN_OR_RETURN(Endpoint endpoint, MakeHost(std::string(url.str()), *table, directory, domain), HostKey(url));
    by_line.emplace_back(url.source().begin.line, std::move(endpoint));
  }
  std::stable_sort(by_line.begin(), by_line.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Endpoint> endpoints;
  for (auto& [line, endpoint] : by_line) endpoints.push_back(std::move(endpoint));
  return endpoints;
}

absl::StatusOr<std::vector<Endpoint>> ReadHosts(const toml::table& root, const std::string& directory,
                                                const std::string& domain, std::vector<Endpoint> own) {
  std::vector<Endpoint> endpoints;
  if (const toml::table* hosts = root["host"].as_table()) {
    ASSIGN_OR_RETURN(endpoints, ReadHostTables(*hosts, directory, domain));
  }
  if (const std::optional<std::string> server = root["server"].value<std::string>()) {
    ASSIGN_OR_RETURN(Endpoint endpoint, MakeHost(*server, root, directory, domain), "server");
    own = {std::move(endpoint)};
  } else {
    for (Endpoint& endpoint : own) RETURN_IF_ERROR(ReadHost(root, directory, &endpoint));
  }
  endpoints.insert(endpoints.end(), own.begin(), own.end());
  return endpoints;
}

absl::StatusOr<toml::table> ParseToml(const std::string& text) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    return Invalid(absl::StrCat("line ", error.source().begin.line, ": ", std::string(error.description())));
  }
}

absl::StatusOr<std::vector<Endpoint>> ReadCertificates(const std::string& directory, std::vector<Endpoint> own) {
  RegistryTls tls;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDir(directory));
  for (const std::string& name : names) {
    std::string* const file = absl::EndsWith(name, ".crt")    ? &tls.ca_file
                              : absl::EndsWith(name, ".cert") ? &tls.cert_file
                              : absl::EndsWith(name, ".key")  ? &tls.key_file
                                                              : nullptr;
    if (file == nullptr) continue;
    if (!file->empty()) return Invalid(absl::StrCat(*file, " and ", name, ": merge them into one file"));
    *file = absl::StrCat(directory, "/", name);
  }
  for (Endpoint& endpoint : own) endpoint.tls = tls;
  return own;
}

}  // namespace

absl::StatusOr<std::vector<Endpoint>> EndpointsFromHostsFile(const std::string& config_path, const std::string& domain,
                                                             const std::vector<Endpoint>& own) {
  const std::optional<std::string> directory = DirectoryFor(config_path, domain);
  if (!directory.has_value()) return std::vector<Endpoint>();
  const std::string path = *directory + "/hosts.toml";
  if (!Exists(path)) return ReadCertificates(*directory, own);
  ASSIGN_OR_RETURN(const std::string text, ReadFileAt(AT_FDCWD, path, kFileLimit));
  ASSIGN_OR_RETURN(const toml::table root, ParseToml(text), path);
  absl::StatusOr<std::vector<Endpoint>> endpoints = ReadHosts(root, *directory, domain, own);
  if (!endpoints.ok()) return Invalid(absl::StrCat(path, ": ", endpoints.status().message()));
  return endpoints;
}

}  // namespace crisp
