// The names that OpenTelemetry's semantic conventions have for the fields of log lines (base/log.h).
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"

namespace crisp {

// "k8s.pod.name" for "pod". A field for which the conventions have no name is one of crisp's: "crisp.layer".
std::string AttributeName(absl::string_view field);

// `value` as the conventions have it for the field: some are numbers.
std::variant<std::string, int64_t> AttributeValue(absl::string_view field, absl::string_view value);

}  // namespace crisp
