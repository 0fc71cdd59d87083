#include "images/image_parts.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/step_log.h"
#include "images/manifest_search.h"
#include "images/platform.h"

namespace crisp {
namespace {

absl::Status Combine(const Manifest& manifest, ImageParts* image) {
  const std::vector<std::string>& diff_ids = image->config.diff_ids;
  if (manifest.layers.size() != diff_ids.size()) {
    return absl::InternalError(
        absl::StrCat("the manifest has ", manifest.layers.size(), " layers, the image config ", diff_ids.size()));
  }
  image->size = manifest.config.size;
  for (size_t i = 0; i < diff_ids.size(); ++i) {
    const Descriptor& blob = manifest.layers[i];
    if (blob.size > static_cast<uint64_t>(INT64_MAX) - image->size)
      return absl::InternalError("the sum of its layers' sizes overflows");
    image->size += blob.size;
    image->layers.push_back({blob.digest, blob.size, diff_ids[i], IsForeignLayer(blob.media_type)});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImageParts> DescribeImage(ImageSource& source, RawManifest top, const CallContext& call, StepLog& log) {
  ASSIGN_OR_RETURN(FoundManifest found, FindManifest(source, std::move(top), call, log));
  ImageParts image;
  image.id = found.manifest.config.digest;
  if (found.config_json.empty()) {
    ASSIGN_OR_RETURN(found.config_json, source.FetchBlob(found.manifest.config, call));
    log.Done("config");
  }
  image.config_json = std::move(found.config_json);
  ASSIGN_OR_RETURN(image.config, ParseImageConfig(image.config_json), image.id);
  // Builders often write their own machine into the config. Where there was no choice, or an index has chosen, the
  // config is not believed.
  const Platform built = PlatformOf(image.config);
  if (!built.architecture.empty() && !PlatformRank(HostPlatform(), built).has_value()) {
    LogWarning("an image may not run here",
               {{"image", image.id}, {"built_for", Describe(built)}, {"machine", Describe(HostPlatform())}});
  }
  RETURN_IF_ERROR(Combine(found.manifest, &image));
  return image;
}

}  // namespace crisp
