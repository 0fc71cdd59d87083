#include "sandbox/pod_log.h"

#include <csignal>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"
#include "sandbox/signals.h"

namespace crisp {
namespace {

void Add(const cri::ContainerMetadata& container, OwnedLogFields* fields) {
  fields->emplace_back("container", container.name());
  fields->emplace_back("container_attempt", absl::StrCat(container.attempt()));
}

// An exit code above 128 is that of a process that a signal has ended, or of a shell whose child a signal has ended.
std::string SignalText(int exit_code) {
  const int number = exit_code - 128;
  if (number <= 0 || number > SIGRTMAX) return "";
  const cri::Signal name = SignalName(number);
  return name == cri::SIGNAL_RUNTIME_DEFAULT ? absl::StrCat(number) : cri::Signal_Name(name);
}

}  // namespace

OwnedLogFields LogFieldsOf(const cri::PodSandboxMetadata& pod) {
  return {{"namespace", pod.namespace_()},
          {"pod", pod.name()},
          {"uid", pod.uid()},
          {"attempt", absl::StrCat(pod.attempt())}};
}

OwnedLogFields LogFieldsOf(const Pod& pod) {
  OwnedLogFields fields;
  pod.WithRecord([&fields](const PodRecord& record) { fields = LogFieldsOf(record.config().metadata()); });
  fields.emplace_back("pod_id", pod.id());
  return fields;
}

OwnedLogFields LogFieldsOf(const Pod& pod, const Container& container) {
  OwnedLogFields fields = LogFieldsOf(pod);
  container.WithRecord([&fields](const ContainerRecord& record) { Add(record.config().metadata(), &fields); });
  fields.emplace_back("container_id", container.id());
  return fields;
}

OwnedLogFields LogFieldsOf(const Pod& pod, const cri::ContainerMetadata& container) {
  OwnedLogFields fields = LogFieldsOf(pod);
  Add(container, &fields);
  return fields;
}

void LogPod(LogLevel level, absl::string_view message, const Pod& pod, LogFields more) {
  if (IsLogged(level)) Log(level, message, LogFieldsOf(pod), more);
}

void LogContainer(LogLevel level, absl::string_view message, const Pod& pod, const Container& container,
                  LogFields more) {
  if (IsLogged(level)) Log(level, message, LogFieldsOf(pod, container), more);
}

void LogLostOutput(const Pod& pod, const Container& container, const LogLoss& loss) {
  std::string path;
  container.WithRecord([&path](const ContainerRecord& record) { path = record.log_path(); });
  std::vector<LogField> more = {{"log_path", path}, {"lost_bytes", loss.bytes}, {"lost_lines", loss.lines}};
  if (!loss.error.empty()) more.emplace_back("error", loss.error);
  Log(LogLevel::kWarning,
      loss.dropping ? "the container's log cannot be written; its output is lost until it can"
                    : "the container's log can be written again; it says how much output was lost",
      LogFieldsOf(pod, container), more);
}

void LogExit(const Pod& pod, const Container& container, absl::string_view message) {
  const ContainerView view = container.view();
  const bool ran = view.started_at != 0 && view.finished_at >= view.started_at;
  const std::string signal = SignalText(view.exit_code);
  std::vector<LogField> more = {{"exit_code", view.exit_code}, {"reason", view.reason}};
  if (!signal.empty()) more.emplace_back("signal", signal);
  if (ran) more.emplace_back("ran_ms", (view.finished_at - view.started_at) / 1'000'000);
  if (!view.message.empty()) more.emplace_back("error", view.message);
  Log(view.reason == kReasonOomKilled ? LogLevel::kWarning : LogLevel::kInfo, message, LogFieldsOf(pod, container),
      more);
}

}  // namespace crisp
