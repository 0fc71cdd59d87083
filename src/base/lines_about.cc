#include "base/lines_about.h"

#include <algorithm>

#include "absl/strings/match.h"

namespace crisp {
namespace {

constexpr absl::string_view kName[] = {"namespace", "pod", "uid", "attempt"};
constexpr absl::string_view kImage = ",\"image\":\"";

// The fields of `names` that are there, in the order of `fields`, which is that of every line.
std::vector<LogField> Select(const OwnedLogFields& fields, absl::Span<const absl::string_view> names) {
  std::vector<LogField> selected;
  for (const auto& [name, value] : fields) {
    if (std::find(names.begin(), names.end(), name) != names.end()) selected.emplace_back(name, value);
  }
  return selected;
}

std::string PartOf(const OwnedLogFields& fields, absl::string_view name) {
  return JsonLogFields(Select(fields, {name}));
}

}  // namespace

LinesAbout::LinesAbout(const OwnedLogFields& fields) {
  const std::string pod_id = PartOf(fields, "pod_id");
  const std::vector<LogField> name = Select(fields, kName);
  if (!pod_id.empty()) parts_.push_back(pod_id);
  if (name.size() == std::size(kName)) parts_.push_back(JsonLogFields(name));
  if (!parts_.empty()) return;
  if (std::string container = PartOf(fields, "container_id"); !container.empty()) parts_.push_back(container);
  for (const LogField& image : Select(fields, {"image"}))
    image_ = std::string(std::get<absl::string_view>(image.value()));
}

bool LinesAbout::operator()(absl::string_view line) const {
  if (!image_.empty() && parts_.empty()) {
    const size_t begin = line.find(kImage);
    if (begin == absl::string_view::npos) return false;
    const absl::string_view name = line.substr(begin + kImage.size());
    return absl::StrContains(name.substr(0, name.find('"')), image_);
  }
  return parts_.empty() || std::any_of(parts_.begin(), parts_.end(),
                                       [line](const std::string& part) { return absl::StrContains(line, part); });
}

}  // namespace crisp
