// The values of run's options, as people write them. Pure functions but for EnvironmentFile; errors are InvalidArgument
// and show the value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"

namespace crisp::client {

// "8080:80", "80", "127.0.0.1:8080:80/udp", "127.0.0.1::80", "[::1]:8080:80", "8000-8002:80-82", one mapping a port.
// host_port is 0 where the host's port is to be chosen.
absl::StatusOr<std::vector<cri::PortMapping>> ParsePorts(absl::string_view text);
// "0.0.0.0:8080->80/tcp"
std::string PortText(const cri::PortMapping& mapping);

struct Volume {
  std::string source;  // a path of the host, the name of a volume, or empty for a new one
  std::string target;
  bool readonly = false;
  bool relabel = false;
  cri::MountPropagation propagation = cri::PROPAGATION_PRIVATE;

  bool named() const { return !source.empty() && source[0] != '/'; }
};

// "/host:/in", "name:/in:ro", "/in", "./here:/in:rw,rslave"; relative paths are of the directory `here`.
absl::StatusOr<Volume> ParseVolume(absl::string_view text, const std::string& here);
// "type=bind,source=/host,target=/in,readonly", type bind or volume.
absl::StatusOr<Volume> ParseMount(absl::string_view text, const std::string& here);

// "/dev/fuse", "/dev/a:/dev/b:rwm"
absl::StatusOr<cri::Device> ParseDevice(absl::string_view text);

// The variables of a file: "NAME=value" a line, "NAME" for the caller's own value, "#" begins a comment. NotFound if
// the file cannot be read.
absl::StatusOr<std::vector<std::string>> EnvironmentFile(const std::string& path);
// "NAME" as "NAME=value" of the caller, or nothing if the caller has none; "NAME=value" as it is.
std::optional<std::string> WithValue(const std::string& variable);

// "1000", "1000:50", "app" into the security context. A group by name is refused: CRI has only its number.
absl::Status ParseUser(absl::string_view text, cri::LinuxContainerSecurityContext* security);

// "no-new-privileges", "seccomp=unconfined", "seccomp=/a.json", "apparmor=NAME" into the security context.
absl::Status ParseSecurityOption(absl::string_view text, cri::LinuxContainerSecurityContext* security);

// "SIGTERM", "term", "15".
absl::StatusOr<cri::Signal> ParseSignal(absl::string_view text);
// Its number for kill(2).
absl::StatusOr<int> SignalNumber(absl::string_view text);

// [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 200 bytes.
absl::Status CheckName(absl::string_view name);

}  // namespace crisp::client
