// ProgressSource: an ImageSource whose transfers are seen in a PullProgress.
//
// Thread-safe as the source is. Both must outlive it. Errors are those of the source.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call_context.h"
#include "images/image_source.h"

namespace crisp {

class PullProgress;

class ProgressSource final : public ImageSource {
 public:
  ProgressSource(ImageSource* source, PullProgress* progress) : source_(source), progress_(progress) {}

  absl::StatusOr<RawManifest> FetchManifest(const Descriptor& descriptor, const CallContext& call) override;
  absl::StatusOr<std::string> FetchBlob(const Descriptor& descriptor, const CallContext& call) override;
  absl::Status Fetch(const LayerDescriptor& layer, const Sink& sink, const CallContext& call) override;

 private:
  ImageSource* const source_;
  PullProgress* const progress_;
};

}  // namespace crisp
