#include "images/progress_source.h"

#include <atomic>

#include "images/manifest.h"
#include "images/pull_progress.h"

namespace crisp {

absl::StatusOr<RawManifest> ProgressSource::FetchManifest(const Descriptor& descriptor, const CallContext& call) {
  const bool is_index = IsIndexType(descriptor.media_type);
  progress_->Begin(is_index ? PullPart::Kind::kIndex : PullPart::Kind::kManifest, descriptor.digest, descriptor.size);
  absl::StatusOr<RawManifest> manifest = source_->FetchManifest(descriptor, call);
  if (manifest.ok()) {
    progress_->End(descriptor.digest, manifest->body.size());
  } else {
    progress_->GiveUp(descriptor.digest);
  }
  return manifest;
}

absl::StatusOr<std::string> ProgressSource::FetchBlob(const Descriptor& descriptor, const CallContext& call) {
  progress_->Begin(PullPart::Kind::kConfig, descriptor.digest, descriptor.size);
  absl::StatusOr<std::string> blob = source_->FetchBlob(descriptor, call);
  if (blob.ok()) {
    progress_->End(descriptor.digest, blob->size());
  } else {
    progress_->GiveUp(descriptor.digest);
  }
  return blob;
}

absl::Status ProgressSource::Fetch(const LayerDescriptor& layer, const Sink& sink, const CallContext& call) {
  std::atomic<uint64_t>* const received = progress_->Receive(layer.digest);
  if (received == nullptr) return source_->Fetch(layer, sink, call);
  return source_->Fetch(
      layer,
      [&](absl::string_view bytes) {
        received->fetch_add(bytes.size(), std::memory_order_relaxed);
        return sink(bytes);
      },
      call);
}

}  // namespace crisp
