// The setters of cri.registry.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/url.h"
#include "config/endpoint.h"
#include "config/setters.h"

namespace crisp {
namespace {

// A path without "/v2" is used as it is, as by containerd, so that a registry rarely answers there and the pull goes on
// to the next endpoint.
void WarnOfPathWithoutApiRoot(const Url& url, const Setting& setting) {
  if (HasApiRoot(url)) return;
  const std::string origin = absl::StrCat(url.scheme, "://", url.host);
  setting.warn(absl::StrCat(origin, url.path,
                            " is asked as it is, but its path has no /v2, so no registry will answer ",
                            "there and pulls go on to the next endpoint; likely right is ", origin, "/v2", url.path));
}

}  // namespace

absl::StatusOr<std::string> HostOfUrl(const std::string& url) {
  ASSIGN_OR_RETURN(Url parsed, ParseUrl(url));
  return parsed.host;
}

absl::Status SetMirror(const Setting& setting, Draft* draft) {
  const std::string& host = setting.names[0];
  if (absl::StrContains(host, "/")) {
    setting.warn(
        absl::StrCat("\"", WithoutUserInfo(host),
                     "\" is not the name of a registry, so no image is ever pulled through this mirror; expected "
                     "HOST or HOST:PORT"));
  }
  std::vector<std::string> endpoints;
  for (const std::string& endpoint : setting.value.list) {
    ASSIGN_OR_RETURN(Url url, ParseUrl(endpoint));
    if (url.has_user_info) {
      return absl::InvalidArgumentError(absl::StrCat(WithoutUserInfo(endpoint),
                                                     " has a user or password in it, which is not used; remove it and "
                                                     "write registry.configs.\"",
                                                     url.host, "\".auth with username and password"));
    }
    while (absl::EndsWith(url.path, "/")) url.path.pop_back();
    WarnOfPathWithoutApiRoot(url, setting);
    endpoints.push_back(url.Printable());
  }
  draft->config.registry.mirrors[absl::AsciiStrToLower(host)] = std::move(endpoints);
  return absl::OkStatus();
}

absl::Status SetConfigPath(const Setting& setting, Draft* draft) {
  for (absl::string_view directory : absl::StrSplit(setting.value.text, ':', absl::SkipEmpty())) {
    RETURN_IF_ERROR(CheckPath(std::string(directory)));
  }
  draft->registry_config_path = setting.value.text;
  return absl::OkStatus();
}

// What could end a header and begin another is refused; the value may be a secret, and is not shown.
absl::Status AddHeader(const Setting& setting, Draft* draft) {
  const auto is_token = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("!#$%&'*+-.^_`|~", c);
  };
  const std::string& name = setting.names[0];
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_token)) {
    return absl::InvalidArgumentError("not the name of a header (RFC 9110, section 5.1)");
  }
  auto& headers = draft->config.registry.headers;
  std::erase_if(headers, [&](const auto& header) { return header.first == name; });
  for (const std::string& value : setting.value.list) {
    if (std::any_of(value.begin(), value.end(), [](unsigned char c) { return absl::ascii_iscntrl(c); })) {
      return absl::InvalidArgumentError("the value of a header has no control characters");
    }
    headers.emplace_back(name, value);
  }
  return absl::OkStatus();
}

}  // namespace crisp
