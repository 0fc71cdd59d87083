#include "doctor/daemon_check.h"

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/call_context.h"
#include "base/json.h"
#include "doctor/daemon_client.h"
#include "doctor/finding.h"
#include "doctor/lock_holder.h"
#include "doctor/subject.h"
#include "os/process_state.h"

namespace crisp {
namespace {

constexpr std::chrono::seconds kAnswerTime{4};  // for one answer
constexpr absl::Duration kLong = absl::Seconds(30);

// Nobody answers at the socket.
void LookAtSilence(const Subject& subject, const absl::Status& why, Findings* findings) {
  const std::string& socket = subject.config.grpc.address;
  const pid_t holder = LockHolder(subject.tree, subject.layout().RootLock());
  if (holder == 0) {
    return findings->Warn("answers", socket, "no crispd runs for this configuration",
                          "systemctl start crispd; if it does not stay up, journalctl -u crispd -n 50 says why");
  }
  const auto state = StateOf(holder);
  findings->Problem(
      "answers", socket,
      absl::StrCat("crispd runs (pid ", holder,
                   state ? absl::StrCat(", state ", std::string(1, state->state), " ", state->waits_in) : "",
                   "), and does not answer: ", why.message()),
      "look into its log (journalctl -u crispd); kill -USR1 makes it write what it is doing. A restart leaves "
      "pods running: systemctl restart crispd");
}

void LookAtConditions(const DaemonStatus& status, Findings* findings) {
  for (const DaemonCondition& condition : status.conditions) {
    if (condition.status) {
      findings->Ok("condition", condition.type, "true");
    } else {
      findings->Problem("condition", condition.type, absl::StrCat(condition.reason, ": ", condition.message),
                        "do what the text says; the node is NotReady until then");
    }
  }
}

std::string Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string WaitsFor(const Json& operation) {
  const auto found = operation.find("waits_for");
  return found == operation.end() || found->empty() ? "" : absl::StrCat("; it waits for ", DumpJson(*found));
}

void LookAtOperations(const DaemonStatus& status, Findings* findings) {
  const Json operations = Json::parse(status.operations, nullptr, /*allow_exceptions=*/false);
  if (!operations.is_array()) return findings->Note("operations", "crispd", "does not tell its operations");
  size_t slow = 0;
  for (const Json& operation : operations) {
    absl::Duration age;
    if (!operation.is_object() || !absl::ParseDuration(Text(operation, "age"), &age) || age < kLong) continue;
    ++slow;
    const auto object = operation.find("object");
    findings->Warn(
        "operations", Text(operation, "operation"),
        absl::StrCat("is at work for ", absl::FormatDuration(age), ", last step \"", Text(operation, "last_step"), "\"",
                     object != operation.end() ? absl::StrCat(", ", DumpJson(*object)) : "", WaitsFor(operation)),
        "look at the process that it waits for; a pull waits for its registry");
  }
  if (slow == 0) findings->Ok("operations", absl::StrCat(operations.size(), " in flight"), "none is older than 30 s");
}

}  // namespace

void CheckDaemon(const Subject& subject, Findings* findings, const CallContext& call) {
  DaemonClient client(subject.config.grpc.address);
  const absl::StatusOr<std::string> version = client.Version(call.Within(kAnswerTime));
  if (!version.ok()) return LookAtSilence(subject, version.status(), findings);
  findings->Ok("answers", subject.config.grpc.address, *version);
  if (const std::string own = absl::StrCat("crisp ", CRISP_VERSION); *version == own) {
    findings->Ok("version", *version, "is that of this program");
  } else {
    findings->Warn("version", *version, absl::StrCat("runs, and this program is ", own),
                   "systemctl restart crispd, after an update; pods go on");
  }
  const absl::StatusOr<DaemonStatus> status = client.Status(call.Within(kAnswerTime));
  if (!status.ok()) {
    return findings->Problem("condition", "Status", std::string(status.status().message()),
                             "a file system that it looks at may hang; look into its log");
  }
  LookAtConditions(*status, findings);
  LookAtOperations(*status, findings);
}

}  // namespace crisp
