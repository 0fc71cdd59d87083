#include "images/image_source.h"

#include <utility>
#include <variant>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "base/step_log.h"

namespace crisp {
namespace {

// An index may point to another index. Deeper nesting is refused.
constexpr int kIndexDepthLimit = 3;

struct Found {
  Manifest manifest;
  bool platform_untold = false;  // found through an index that does not name the platform
};

absl::StatusOr<Found> FindManifest(ImageSource& source, RawManifest raw, const CallContext& call, StepLog& log) {
  const Platform host = HostPlatform();
  bool platform_untold = false;
  for (int depth = 0; depth <= kIndexDepthLimit; ++depth) {
    ASSIGN_OR_RETURN(auto parsed, ParseManifest(raw.body, raw.content_type), raw.digest);
    if (Manifest* manifest = std::get_if<Manifest>(&parsed)) return Found{std::move(*manifest), platform_untold};
    ASSIGN_OR_RETURN(const IndexEntry chosen, ChoosePlatform(std::get<Index>(parsed), host));
    ASSIGN_OR_RETURN(raw, source.FetchManifest(chosen.descriptor, call));
    log.Done("platform manifest");
    // The index's media type is covered by its digest; the registry's Content-Type is not.
    if (!chosen.descriptor.media_type.empty()) raw.content_type = chosen.descriptor.media_type;
    platform_untold = chosen.platform.os.empty();
  }
  return absl::InternalError(
      absl::StrCat("indexes that point to indexes are nested more than ", kIndexDepthLimit, " deep"));
}

absl::Status CheckPlatform(const ImageConfig& config) {
  const Platform host = HostPlatform();
  const bool os_fits = config.os.empty() || config.os == host.os;
  const bool architecture_fits = config.architecture.empty() || config.architecture == host.architecture;
  if (os_fits && architecture_fits) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("the image is built for ", absl::CHexEscape(config.os.substr(0, 40)), "/",
                                          absl::CHexEscape(config.architecture.substr(0, 40)), ", this machine is ",
                                          host.os, "/", host.architecture));
}

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
    image->layers.push_back({blob.digest, blob.size, diff_ids[i]});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImageParts> DescribeImage(ImageSource& source, RawManifest top, const CallContext& call, StepLog& log) {
  ASSIGN_OR_RETURN(const Found found, FindManifest(source, std::move(top), call, log));
  const Manifest& manifest = found.manifest;
  ImageParts image;
  image.id = manifest.config.digest;
  ASSIGN_OR_RETURN(image.config_json, source.FetchBlob(manifest.config, call));
  log.Done("config");
  ASSIGN_OR_RETURN(image.config, ParseImageConfig(image.config_json), manifest.config.digest);
  // Builders often write their own machine into the config, so it decides only where an index leaves the platform open.
  if (const absl::Status fits = CheckPlatform(image.config.config); !fits.ok()) {
    if (found.platform_untold) return fits;
    LogWarning("an image may not run here", {{"image", image.id}, {"error", fits.message()}});
  }
  RETURN_IF_ERROR(Combine(manifest, &image));
  return image;
}

}  // namespace crisp
