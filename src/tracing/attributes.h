// The names that OpenTelemetry's semantic conventions have for the fields of log lines (base/log.h).
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

// "k8s.pod.name" for "pod". A field for which the conventions have no name is one of crisp's: "crisp.layer".
std::string AttributeName(absl::string_view field);

}  // namespace crisp
