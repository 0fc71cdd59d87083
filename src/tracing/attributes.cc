#include "tracing/attributes.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

// Semantic conventions 1.27: k8s, container, oci, http, server.
constexpr std::array<std::pair<absl::string_view, absl::string_view>, 10> kNames = {{
    {"namespace", "k8s.namespace.name"},
    {"pod", "k8s.pod.name"},
    {"uid", "k8s.pod.uid"},
    {"container", "k8s.container.name"},
    {"container_id", "container.id"},
    {"image", "container.image.name"},
    {"digest", "oci.manifest.digest"},
    {"http_method", "http.request.method"},
    {"http_status", "http.response.status_code"},
    {"server", "server.address"},
}};

}  // namespace

std::string AttributeName(absl::string_view field) {
  const auto* const found =
      std::find_if(kNames.begin(), kNames.end(), [field](const auto& name) { return name.first == field; });
  return found != kNames.end() ? std::string(found->second) : absl::StrCat("crisp.", field);
}

std::variant<std::string, int64_t> AttributeValue(absl::string_view field, absl::string_view value) {
  int64_t number = 0;
  if (field == "http_status" && absl::SimpleAtoi(value, &number)) return number;
  return std::string(value);
}

}  // namespace crisp
