#include "client/run_flags.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

namespace crisp::client {
namespace {

absl::Status Bad(absl::string_view value, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", value, "\" ", why));
}

struct PortRange {
  int first = 0;
  int last = 0;
};

bool ParseRange(absl::string_view text, PortRange* range) {
  const std::vector<absl::string_view> ends = absl::StrSplit(text, '-');
  if (ends.size() > 2 || !absl::SimpleAtoi(ends[0], &range->first) || !absl::SimpleAtoi(ends.back(), &range->last)) {
    return false;
  }
  return range->first > 0 && range->first <= range->last && range->last <= 65535;
}

constexpr char kPortForms[] = "is no port; write it as 80, 8080:80, 127.0.0.1:8080:80 or 53:53/udp";

std::string Absolute(const std::string& source, const std::string& here) {
  if (source == "." || source == ".." || absl::StartsWith(source, "./") || absl::StartsWith(source, "../")) {
    return std::filesystem::path(here + "/" + source).lexically_normal().string();
  }
  return source;
}

absl::Status TakeVolumeOption(absl::string_view option, absl::string_view text, Volume* volume) {
  if (option == "ro" || option == "readonly") {
    volume->readonly = true;
  } else if (option == "z" || option == "Z") {
    volume->relabel = true;
  } else if (option == "shared" || option == "rshared") {
    volume->propagation = cri::PROPAGATION_BIDIRECTIONAL;
  } else if (option == "slave" || option == "rslave") {
    volume->propagation = cri::PROPAGATION_HOST_TO_CONTAINER;
  } else if (option != "rw" && option != "private" && option != "rprivate") {
    return Bad(text, absl::StrCat("has the option ", option, "; there are ro, rw, z, Z, rshared, rslave, rprivate"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Volume> Checked(Volume volume, absl::string_view text) {
  if (!absl::StartsWith(volume.target, "/")) return Bad(text, "has no absolute path in the container");
  if (volume.named() && absl::StrContains(volume.source, "/")) {
    return Bad(text, "has a path that begins with neither / nor ./");
  }
  if (volume.named()) RETURN_IF_ERROR(CheckName(volume.source), "volume");
  return volume;
}

absl::Status SetProfile(absl::string_view value, cri::SecurityProfile* profile) {
  if (value == "unconfined") {
    profile->set_profile_type(cri::SecurityProfile::Unconfined);
  } else if (value == "default" || value == "runtime/default" || value == "builtin") {
    profile->set_profile_type(cri::SecurityProfile::RuntimeDefault);
  } else {
    profile->set_profile_type(cri::SecurityProfile::Localhost);
    profile->set_localhost_ref(std::string(value));
  }
  return absl::OkStatus();
}

std::string SignalName(absl::string_view text) {
  std::string name = absl::AsciiStrToUpper(text);
  absl::string_view plain = name;
  absl::ConsumePrefix(&plain, "SIG");
  return std::string(plain);
}

}  // namespace

absl::StatusOr<std::vector<cri::PortMapping>> ParsePorts(absl::string_view text) {
  absl::string_view rest = text;
  cri::PortMapping mapping;
  const std::vector<absl::string_view> halves = absl::StrSplit(rest, '/');
  if (halves.size() > 2) return Bad(text, kPortForms);
  if (halves.size() == 2) {
    cri::Protocol protocol;
    if (!cri::Protocol_Parse(absl::AsciiStrToUpper(halves[1]), &protocol))
      return Bad(text, "names no tcp, udp or sctp");
    mapping.set_protocol(protocol);
  }
  std::vector<absl::string_view> parts = absl::StrSplit(halves[0], ':');
  if (absl::StartsWith(rest, "[")) {  // an IPv6 address
    const size_t end = rest.find("]:");
    if (end == absl::string_view::npos) return Bad(text, kPortForms);
    parts = absl::StrSplit(halves[0].substr(end + 2), ':');
    parts.insert(parts.begin(), rest.substr(1, end - 1));
  }
  if (parts.size() > 3) return Bad(text, kPortForms);
  PortRange inside, outside;
  if (!ParseRange(parts.back(), &inside)) return Bad(text, kPortForms);
  if (parts.size() == 3) mapping.set_host_ip(std::string(parts[0]));
  const absl::string_view host = parts.size() == 1 ? "" : parts[parts.size() - 2];
  if (!host.empty() && !ParseRange(host, &outside)) return Bad(text, kPortForms);
  if (!host.empty() && outside.last - outside.first != inside.last - inside.first) {
    return Bad(text, "has two ranges of unequal length");
  }
  std::vector<cri::PortMapping> mappings;
  for (int port = inside.first; port <= inside.last; ++port) {
    mapping.set_container_port(port);
    mapping.set_host_port(host.empty() ? 0 : outside.first + (port - inside.first));
    mappings.push_back(mapping);
  }
  return mappings;
}

std::string PortText(const cri::PortMapping& mapping) {
  const std::string& ip = mapping.host_ip();
  const std::string address = ip.empty() ? "0.0.0.0" : absl::StrContains(ip, ":") ? absl::StrCat("[", ip, "]") : ip;
  return absl::StrCat(address, ":", mapping.host_port(), "->", mapping.container_port(), "/",
                      absl::AsciiStrToLower(cri::Protocol_Name(mapping.protocol())));
}

absl::StatusOr<Volume> ParseVolume(absl::string_view text, const std::string& here) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() > 3) return Bad(text, "is no volume; write it as /host:/in, name:/in or /host:/in:ro");
  Volume volume;
  volume.target = parts.size() == 1 ? parts[0] : parts[1];
  if (parts.size() > 1) {
    if (parts[0].empty()) return Bad(text, "has no path of the host");
    volume.source = Absolute(parts[0], here);
  }
  if (parts.size() == 3) {
    for (const absl::string_view option : absl::StrSplit(parts[2], ',')) {
      RETURN_IF_ERROR(TakeVolumeOption(option, text, &volume));
    }
  }
  return Checked(std::move(volume), text);
}

absl::StatusOr<Volume> ParseMount(absl::string_view text, const std::string& here) {
  Volume volume;
  for (const absl::string_view field : absl::StrSplit(text, ',')) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(field, absl::MaxSplits('=', 1));
    const auto& [key, value] = pair;
    if (key == "type") {
      if (value != "bind" && value != "volume") return Bad(text, "has a type that is neither bind nor volume");
    } else if (key == "source" || key == "src") {
      volume.source = Absolute(value, here);
    } else if (key == "target" || key == "dst" || key == "destination") {
      volume.target = value;
    } else if (key == "bind-propagation") {
      RETURN_IF_ERROR(TakeVolumeOption(value, text, &volume));
    } else if (value.empty() || value == "true") {
      RETURN_IF_ERROR(TakeVolumeOption(key, text, &volume));
    } else if (value != "false") {
      return Bad(text, absl::StrCat("has the unknown key ", key));
    }
  }
  return Checked(std::move(volume), text);
}

absl::StatusOr<cri::Device> ParseDevice(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  cri::Device device;
  device.set_host_path(parts[0]);
  device.set_container_path(parts.size() > 1 && absl::StartsWith(parts[1], "/") ? parts[1] : parts[0]);
  device.set_permissions(parts.size() > 1 && !absl::StartsWith(parts.back(), "/") ? parts.back() : "rwm");
  if (parts.size() > 3 || !absl::StartsWith(parts[0], "/") ||
      device.permissions().find_first_not_of("rwm") != std::string::npos) {
    return Bad(text, "is no device; write it as /dev/fuse or /dev/a:/dev/b:rw");
  }
  return device;
}

std::optional<std::string> WithValue(const std::string& variable) {
  if (absl::StrContains(variable, "=")) return variable;
  const char* const value = getenv(variable.c_str());
  return value == nullptr ? std::nullopt : std::optional(absl::StrCat(variable, "=", value));
}

absl::StatusOr<std::vector<std::string>> EnvironmentFile(const std::string& path) {
  std::ifstream file(path);
  if (!file)
    return absl::NotFoundError(absl::StrCat("cannot read the file of variables ", path, ": ", strerror(errno)));
  std::vector<std::string> variables;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    line = std::string(absl::StripLeadingAsciiWhitespace(absl::StripSuffix(line, "\r")));
    if (line.empty() || line[0] == '#') continue;
    const std::string name = line.substr(0, line.find('='));
    if (name.empty() || name.find_first_of(" \t") != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": \"", name, "\" is no name of a variable"));
    }
    if (std::optional<std::string> variable = WithValue(line)) variables.push_back(*std::move(variable));
  }
  return variables;
}

absl::Status ParseUser(absl::string_view text, cri::LinuxContainerSecurityContext* security) {
  const std::pair<absl::string_view, absl::string_view> pair = absl::StrSplit(text, absl::MaxSplits(':', 1));
  const auto& [user, group] = pair;
  if (user.empty()) return Bad(text, "names no user");
  int64_t number = 0;
  if (absl::SimpleAtoi(user, &number)) {
    security->mutable_run_as_user()->set_value(number);
  } else {
    security->set_run_as_username(std::string(user));
  }
  if (group.empty()) return absl::OkStatus();
  if (!absl::SimpleAtoi(group, &number)) return Bad(text, "has a group by name; CRI has groups by number only");
  security->mutable_run_as_group()->set_value(number);
  return absl::OkStatus();
}

absl::Status ParseSecurityOption(absl::string_view text, cri::LinuxContainerSecurityContext* security) {
  absl::string_view value = text;
  if (absl::ConsumePrefix(&value, "no-new-privileges")) {
    security->set_no_new_privs(value.empty() || value == ":true" || value == "=true");
    return absl::OkStatus();
  }
  if (absl::ConsumePrefix(&value, "seccomp=")) return SetProfile(value, security->mutable_seccomp());
  if (absl::ConsumePrefix(&value, "apparmor=")) return SetProfile(value, security->mutable_apparmor());
  return Bad(text, "is unknown; there are no-new-privileges, seccomp=… and apparmor=…");
}

absl::StatusOr<cri::Signal> ParseSignal(absl::string_view text) {
  std::string name = SignalName(text);
  if (int number = 0; absl::SimpleAtoi(name, &number)) {
    const char* const abbreviation = number > 0 && number < NSIG ? sigabbrev_np(number) : nullptr;
    name = abbreviation == nullptr ? "" : abbreviation;
  }
  cri::Signal signal;
  if (cri::Signal_Parse(absl::StrCat("SIGNAL_SIG", name), &signal)) return signal;
  return Bad(text, "is no signal");
}

absl::StatusOr<int> SignalNumber(absl::string_view text) {
  const std::string name = SignalName(text);
  int number = 0;
  if (absl::SimpleAtoi(name, &number) && number > 0 && number < NSIG) return number;
  for (number = 1; number < NSIG; ++number) {
    const char* const abbreviation = sigabbrev_np(number);
    if (abbreviation != nullptr && name == abbreviation) return number;
  }
  return Bad(text, "is no signal");
}

absl::Status CheckName(absl::string_view name) {
  const auto allowed = [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); };
  bool good = !name.empty() && name.size() <= 200 && allowed(name[0]);
  for (const char c : name) good = good && (allowed(c) || c == '_' || c == '.' || c == '-');
  if (good) return absl::OkStatus();
  return Bad(name, "is no name; it has letters, digits, _, . and -, and begins with a letter or digit");
}

}  // namespace crisp::client
