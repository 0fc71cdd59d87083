// Options for access to registries: mirrors, credentials, TLS and headers.
#pragma once

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

struct RegistryTls {
  bool insecure_skip_verify = false;
  std::string ca_file, cert_file, key_file;  // PEM; empty: the system's CAs, no client certificate
};

struct RegistryOptions {
  // Directories with hosts.toml files, separated by ":". If set, `mirrors` is ignored; see images/hosts_file.h.
  std::string config_path;
  // By registry host, or "*". Endpoints are URLs, tried in this order before the registry itself.
  std::map<std::string, std::vector<std::string>> mirrors;
  std::map<std::string, RegistryAuth> auth;                  // by host of the endpoint
  std::map<std::string, RegistryTls> tls;                    // by host of the endpoint
  std::vector<std::pair<std::string, std::string>> headers;  // name, value: sent to endpoints with every request
  int max_concurrent_downloads = 3;                          // layers of one image at once; 0 or less: no limit
};

}  // namespace crisp
