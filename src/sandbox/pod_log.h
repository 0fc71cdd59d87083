// Log lines about pods and containers. All of them have the same fields, those that are known: namespace, pod, uid,
// attempt, pod_id; and for a container container, container_attempt, container_id.
//
// Threading: all functions from any thread; they take the locks of the pod and the container for a copy of their names.
#pragma once

#include "absl/strings/string_view.h"
#include "api/cri/cri.h"
#include "base/log.h"

namespace crisp {

class Container;
class Pod;
struct LogLoss;

OwnedLogFields LogFieldsOf(const cri::PodSandboxMetadata& pod);
OwnedLogFields LogFieldsOf(const Pod& pod);
OwnedLogFields LogFieldsOf(const Pod& pod, const Container& container);
// Of a container that has no id yet.
OwnedLogFields LogFieldsOf(const Pod& pod, const cri::ContainerMetadata& container);

// `more` comes behind the fields of the pod or container.
void LogPod(LogLevel level, absl::string_view message, const Pod& pod, LogFields more = {});
void LogContainer(LogLevel level, absl::string_view message, const Pod& pod, const Container& container,
                  LogFields more = {});

// Output of the container is being lost, or its log can be written again: a warning.
void LogLostOutput(const Pod& pod, const Container& container, const LogLoss& loss);

// How the container ended: exit code, reason, signal and how long it ran. A warning if the OOM killer was at work.
void LogExit(const Pod& pod, const Container& container, absl::string_view message = "container exited");

}  // namespace crisp
