// Options for access to registries: mirrors, credentials, TLS and headers.
#pragma once

#include <chrono>
#include <compare>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace crisp {

struct RegistryAuth {
  std::string username = {};
  std::string password = {};
  std::string auth = {};            // base64 of "username:password"
  std::string identity_token = {};  // OAuth refresh token
  std::string registry_token = {};  // bearer token
  std::string server_address = {};  // the host of the credentials; empty: the host of the image reference
};

// Files of a client's certificate, PEM. An empty `key_file`: the key is in `cert_file` too.
struct ClientCertificate {
  std::string cert_file;
  std::string key_file;
  auto operator<=>(const ClientCertificate&) const = default;
};

struct RegistryTls {
  bool insecure_skip_verify = false;
  std::vector<std::string> ca_files = {};       // PEM; trusted in addition to the system's
  std::vector<ClientCertificate> clients = {};  // the first that fits what the server asks for is sent
  auto operator<=>(const RegistryTls&) const = default;
};

struct RegistryOptions {
  // Directories with hosts.toml files, separated by ":". If set, `mirrors` is ignored; see images/hosts_file.h.
  std::string config_path;
  // By registry host, or "*". Endpoints are URLs, tried in this order before the registry itself.
  std::map<std::string, std::vector<std::string>> mirrors;
  std::map<std::string, RegistryAuth> auth;                  // by host of the endpoint
  std::map<std::string, RegistryTls> tls;                    // by host of the endpoint
  std::vector<std::pair<std::string, std::string>> headers;  // name, value: sent to endpoints with every request
  // The credentials of a pull are also for mirrors of the registry, as in containerd.
  bool credentials_for_mirrors = false;
  int max_concurrent_downloads = 3;  // layers of one image at once; 0 or less: no limit
  // A registry that sends nothing for this long is left; 0: never.
  std::chrono::milliseconds progress_timeout = std::chrono::minutes(5);
};

}  // namespace crisp
