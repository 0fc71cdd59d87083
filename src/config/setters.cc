#include "config/setters.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <limits>
#include <map>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/url.h"

namespace crisp {
namespace {

absl::Status Bad(const std::string& expected, const FileValue& value) {
  return absl::InvalidArgumentError(absl::StrCat("expected ", expected, ", found ", value.shown));
}

template <typename T>
absl::Status AssignNumber(const FileValue& value, T* field) {
  constexpr auto kMin = static_cast<int64_t>(std::numeric_limits<T>::min());
  constexpr auto kMax = static_cast<int64_t>(std::numeric_limits<T>::max());
  if (value.number < kMin || value.number > kMax) return Bad(absl::StrCat(kMin, " to ", kMax), value);
  *field = static_cast<T>(value.number);
  return absl::OkStatus();
}

// The directory of crisp's own in one that may be containerd's.
absl::StatusOr<std::string> OwnDirectory(const FileValue& value) {
  RETURN_IF_ERROR(CheckPath(value.text));
  absl::string_view path = value.text;
  while (absl::ConsumeSuffix(&path, "/")) {
  }
  if (path.empty()) return Bad("a directory other than the root directory", value);
  return absl::EndsWith(path, "/crisp") ? std::string(path) : absl::StrCat(path, "/crisp");
}

}  // namespace

absl::Status Assign(const FileValue& value, std::string* field) {
  *field = value.text;
  return absl::OkStatus();
}

absl::Status Assign(const FileValue& value, bool* field) {
  *field = value.flag;
  return absl::OkStatus();
}

absl::Status Assign(const FileValue& value, uint32_t* field) {
  return AssignNumber(value, field);
}
absl::Status Assign(const FileValue& value, int* field) {
  return AssignNumber(value, field);
}
absl::Status Assign(const FileValue& value, int64_t* field) {
  return AssignNumber(value, field);
}

absl::Status Assign(const FileValue& value, double* field) {
  *field = value.real;
  return absl::OkStatus();
}

absl::Status Assign(const FileValue& value, std::vector<std::string>* field) {
  *field = value.list;
  return absl::OkStatus();
}

absl::Status CheckPath(const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  if (path[0] != '/' || absl::StrContains(path, absl::string_view("\0", 1))) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected an absolute path, found \"", absl::Utf8SafeCEscape(WithoutUserInfo(path)), "\""));
  }
  return absl::OkStatus();
}

absl::Status CheckNotNegative(int64_t number) {
  if (number >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("expected 0 or more, found ", number));
}

absl::StatusOr<std::chrono::nanoseconds> ReadDuration(const FileValue& value) {
  absl::Duration duration;
  if (!absl::ParseDuration(value.canonical, &duration) || duration < absl::ZeroDuration()) {
    return Bad("a duration that is not negative", value);
  }
  return absl::ToChronoNanoseconds(duration);
}

absl::Status CheckAddress(const std::string& address) {
  in6_addr bytes;
  if (address.empty() || inet_pton(AF_INET, address.c_str(), &bytes) == 1 ||
      inet_pton(AF_INET6, address.c_str(), &bytes) == 1) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("expected an IPv4 or IPv6 address, found \"", absl::Utf8SafeCEscape(address), "\""));
}

absl::Status CheckPort(const std::string& port) {
  uint32_t number = 0;
  if (absl::SimpleAtoi(port, &number) && number <= std::numeric_limits<uint16_t>::max()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("expected the number of a port, up to 65535, found \"", absl::Utf8SafeCEscape(port), "\""));
}

absl::Status SetImports(const Setting& setting, Draft* draft) {
  for (const std::string& pattern : setting.value.list) {
    if (pattern.empty() || absl::StrContains(pattern, absl::string_view("\0", 1))) {
      return Bad("paths of files", setting.value);
    }
  }
  draft->imports = setting.value.list;
  return absl::OkStatus();
}

// The range is that of proc_pid_oom_score_adj(5).
absl::Status SetOomScore(const Setting& setting, Draft* draft) {
  if (setting.value.number < -1000 || setting.value.number > 1000) return Bad("-1000 to 1000", setting.value);
  return Set<&Config::oom_score>(setting, draft);
}

absl::Status SetIpPreference(const Setting& setting, Draft* draft) {
  static const std::map<std::string, IpPreference> kNames = {{"", IpPreference::kIpv4},
                                                             {"ipv4", IpPreference::kIpv4},
                                                             {"ipv6", IpPreference::kIpv6},
                                                             {"cni", IpPreference::kFirst}};
  const auto found = kNames.find(setting.value.text);
  if (found == kNames.end()) return Bad("ipv4, ipv6 or cni", setting.value);
  draft->config.cni.ip_preference = found->second;
  return absl::OkStatus();
}

absl::Status SetRoot(const Setting& setting, Draft* draft) {
  ASSIGN_OR_RETURN(draft->config.root, OwnDirectory(setting.value));
  return absl::OkStatus();
}

absl::Status SetState(const Setting& setting, Draft* draft) {
  ASSIGN_OR_RETURN(draft->config.state, OwnDirectory(setting.value));
  return absl::OkStatus();
}

absl::Status SetSocket(const Setting& setting, Draft* draft) {
  const std::string& path = setting.value.text;
  RETURN_IF_ERROR(CheckPath(path));
  // unix(7): the path has to fit together with its terminating zero byte.
  constexpr size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (path.empty() || path.size() > kLongest) {
    return Bad(absl::StrCat("the absolute path of a socket, of at most ", kLongest, " bytes"), setting.value);
  }
  draft->config.grpc.address = path;
  return absl::OkStatus();
}

absl::Status SetLogFormat(const Setting& setting, Draft* draft) {
  if (setting.value.text == "json") {
    draft->config.log_format = LogFormat::kJson;
  } else if (setting.value.text.empty() || setting.value.text == "text") {
    draft->config.log_format = LogFormat::kText;
  } else {
    return Bad("text or json", setting.value);
  }
  return absl::OkStatus();
}

absl::Status SetLogLevel(const Setting& setting, Draft* draft) {
  if (setting.value.text.empty() || ParseLogLevel(setting.value.text, &draft->config.log_level)) {
    return absl::OkStatus();
  }
  return Bad("trace, debug, info, warn, error, fatal or panic", setting.value);
}

absl::Status SetSandboxImage(const Setting& setting, Draft* draft) {
  if (setting.value.text.empty()) return Bad("the name of an image", setting.value);
  return Set<&Config::sandbox_image>(setting, draft);
}

absl::Status SetCniBinDir(const Setting& setting, Draft* draft) {
  RETURN_IF_ERROR(CheckPath(setting.value.text));
  draft->cni_bin_dir = setting.value.text;
  return absl::OkStatus();
}

absl::Status SetCniBinDirs(const Setting& setting, Draft* draft) {
  for (const std::string& dir : setting.value.list) {
    if (dir.empty()) return Bad("absolute paths", setting.value);
    RETURN_IF_ERROR(CheckPath(dir));
  }
  draft->cni_bin_dirs = setting.value.list;
  return absl::OkStatus();
}

absl::Status SetCdiDirs(const Setting& setting, Draft* draft) {
  for (const std::string& dir : setting.value.list) {
    if (dir.empty()) return Bad("absolute paths", setting.value);
    RETURN_IF_ERROR(CheckPath(dir));
  }
  draft->config.security.cdi_spec_dirs = setting.value.list;
  return absl::OkStatus();
}

absl::Status SetCniConfDir(const Setting& setting, Draft* draft) {
  if (setting.value.text.empty()) return absl::OkStatus();
  return SetPath<&Config::cni, &CniSettings::conf_dir>(setting, draft);
}

absl::Status Nothing(const Setting&, Draft*) {
  return absl::OkStatus();
}

}  // namespace crisp
