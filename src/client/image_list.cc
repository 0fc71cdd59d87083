#include "client/image_list.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/human.h"
#include "client/image_names.h"

namespace crisp::client {
namespace {

using nlohmann::ordered_json;

// What the CRI's list does not have.
struct Details {
  int64_t created = 0;  // nanoseconds; 0 unknown
  std::string platform;
  uint64_t packed = 0, unpacked = 0;  // bytes; 0 unknown
};

std::string Field(const ordered_json& document, const char* key) {
  const auto found = document.find(key);
  return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

void TakeConfig(const ordered_json& config, Details* details) {
  if (!config.is_object()) return;
  const std::string variant = Field(config, "variant");
  details->platform =
      absl::StrCat(Field(config, "os"), "/", Field(config, "architecture"), variant.empty() ? "" : "/", variant);
  if (details->created == 0) details->created = FromRfc3339(Field(config, "created"));
}

Details DetailsOf(RuntimeClient* runtime, const cri::Image& image) {
  Details details;
  own::DescribeRequest request;
  request.set_image(image.id());
  const auto description = runtime->Call(request);
  if (!description.ok()) {
    TakeConfig(ConfigOfImage(runtime, image.id()), &details);
    return details;
  }
  details.created = description->created();
  for (const auto& layer : description->layers()) {
    details.packed += static_cast<uint64_t>(layer.packed());
    details.unpacked += static_cast<uint64_t>(layer.unpacked());
  }
  TakeConfig(ordered_json::parse(description->config(), nullptr, /*allow_exceptions=*/false), &details);
  return details;
}

Row RowOf(const cri::Image& image, const Details& details, const std::string& reference, bool whole_ids) {
  const NameParts name = SplitName(reference);
  std::string digest;
  for (const std::string& each : image.repo_digests()) {
    if (name.repository.empty() || absl::StartsWith(each, name.repository + "@"))
      digest = each.substr(each.find('@') + 1);
  }
  Row row;
  row["ID"] = whole_ids ? image.id() : ShortImageId(image.id());
  row["Repository"] = name.repository.empty() ? "<none>" : FamiliarName(name.repository);
  row["Tag"] = name.tag.empty() ? "<none>" : name.tag;
  row["Name"] = reference.empty() ? image.id() : reference;
  row["Digest"] = digest;
  row["Created"] = details.created == 0 ? "" : Ago(details.created, Now());
  row["CreatedAt"] = details.created == 0 ? "" : Rfc3339(details.created);
  row["Platform"] = details.platform;
  row["Size"] = HumanBytes(details.unpacked != 0 ? details.unpacked : image.size());
  row["BlobSize"] = details.packed != 0 ? HumanBytes(details.packed) : "";
  row["Pinned"] = image.pinned();
  return row;
}

}  // namespace

absl::StatusOr<std::vector<Row>> ImageRows(RuntimeClient* runtime, const std::string& filter, bool whole_ids) {
  ASSIGN_OR_RETURN(const auto images, runtime->Call(cri::ListImagesRequest()), "list images");
  std::vector<Row> rows;
  for (const cri::Image& image : images.images()) {
    std::vector<std::string> names(image.repo_tags().begin(), image.repo_tags().end());
    if (names.empty()) {
      names.push_back(image.repo_digests().empty() ? "" : SplitName(image.repo_digests(0)).repository);
    }
    const Details details = DetailsOf(runtime, image);
    for (const std::string& name : names) {
      const bool fits = filter.empty() || WholeName(filter) == name || SplitName(name).repository == filter ||
                        FamiliarName(SplitName(name).repository) == filter || absl::StartsWith(image.id(), filter);
      if (fits) rows.push_back(RowOf(image, details, name, whole_ids));
    }
  }
  return rows;
}

}  // namespace crisp::client
