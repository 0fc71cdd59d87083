#include "server/own_messages.h"

#include <chrono>

namespace crisp {
namespace {

v1::PullProgress::Part::Kind KindOf(PullPart::Kind kind) {
  switch (kind) {
    case PullPart::Kind::kIndex:
      return v1::PullProgress::Part::INDEX;
    case PullPart::Kind::kManifest:
      return v1::PullProgress::Part::MANIFEST;
    case PullPart::Kind::kConfig:
      return v1::PullProgress::Part::CONFIG;
    case PullPart::Kind::kLayer:
      return v1::PullProgress::Part::LAYER;
  }
  return v1::PullProgress::Part::KIND_UNSPECIFIED;
}

v1::PullProgress::Part::State StateOf(PullPart::State state) {
  switch (state) {
    case PullPart::State::kWaiting:
      return v1::PullProgress::Part::WAITING;
    case PullPart::State::kReceiving:
      return v1::PullProgress::Part::RECEIVING;
    case PullPart::State::kDone:
      return v1::PullProgress::Part::DONE;
    case PullPart::State::kExists:
      return v1::PullProgress::Part::EXISTS;
  }
  return v1::PullProgress::Part::STATE_UNSPECIFIED;
}

}  // namespace

v1::PullProgress PullMessage(const PullState& state) {
  v1::PullProgress message;
  message.set_reference(state.reference);
  message.set_elapsed_ms(std::chrono::duration_cast<std::chrono::milliseconds>(state.elapsed).count());
  message.set_endpoint(state.endpoint);
  for (const PullPart& part : state.parts) {
    v1::PullProgress::Part& added = *message.add_parts();
    added.set_kind(KindOf(part.kind));
    added.set_digest(part.digest);
    added.set_state(StateOf(part.state));
    added.set_received(static_cast<int64_t>(part.received));
    added.set_size(static_cast<int64_t>(part.size));
    added.set_endpoint(part.endpoint);
  }
  return message;
}

RegistryAuth AuthOf(const v1::Credentials& credentials) {
  RegistryAuth auth;
  auth.username = credentials.username();
  auth.password = credentials.password();
  auth.identity_token = credentials.identity_token();
  auth.registry_token = credentials.registry_token();
  return auth;
}

v1::DescribeResponse DescribeMessage(const Image& image, const std::vector<ImageLayer>& layers) {
  v1::DescribeResponse message;
  message.set_id(image.id);
  message.set_config(image.config_json);
  for (const ImageLayer& layer : layers) {
    v1::DescribeResponse::Layer& added = *message.add_layers();
    added.set_diff_id(layer.diff_id);
    added.set_packed(static_cast<int64_t>(layer.packed));
    added.set_unpacked(static_cast<int64_t>(layer.unpacked));
  }
  return message;
}

v1::UsageResponse UsageMessage(const ImagesUse& use) {
  v1::UsageResponse message;
  message.set_layers(static_cast<int64_t>(use.layers));
  message.set_unused_layers(static_cast<int64_t>(use.unused));
  for (const ImageUse& image : use.images) {
    v1::UsageResponse::ImageUsage& added = *message.add_images();
    added.set_id(image.image->id);
    for (const std::string& tag : image.image->repo_tags) added.add_names(tag);
    added.set_packed(static_cast<int64_t>(image.image->size));
    added.set_unpacked(static_cast<int64_t>(image.unpacked));
    added.set_shared(static_cast<int64_t>(image.shared));
    added.set_pinned(image.image->pinned);
  }
  return message;
}

}  // namespace crisp
