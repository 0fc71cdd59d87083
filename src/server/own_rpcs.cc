#include "server/own_rpcs.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "images/node_images.h"
#include "images/pull_progress.h"
#include "server/own_messages.h"
#include "stats/stats.h"

namespace crisp {
namespace {

constexpr size_t kChunkBytes = 256 << 10;  // of a message

absl::Status CheckGiven(absl::string_view field, const std::string& value) {
  if (!value.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("field ", field, ": must not be empty"));
}

}  // namespace

absl::Status OwnRpcs::ListPulls(const v1::ListPullsRequest&, v1::ListPullsResponse* response) {
  for (const auto& pull : images_->Pulls()) *response->add_pulls() = PullMessage(pull->Look());
  return absl::OkStatus();
}

absl::Status OwnRpcs::Tag(const v1::TagRequest& request, v1::TagResponse* response) {
  RETURN_IF_ERROR(CheckGiven("image", request.image()));
  RETURN_IF_ERROR(CheckGiven("name", request.name()));
  ASSIGN_OR_RETURN(*response->mutable_name(), images_->Tag(request.image(), request.name()));
  return absl::OkStatus();
}

absl::Status OwnRpcs::Untag(const v1::UntagRequest& request, v1::UntagResponse* response) {
  RETURN_IF_ERROR(CheckGiven("name", request.name()));
  ASSIGN_OR_RETURN(const bool removed, images_->Untag(request.name()));
  response->set_image_removed(removed);
  return absl::OkStatus();
}

absl::Status OwnRpcs::Describe(const v1::DescribeRequest& request, v1::DescribeResponse* response) {
  RETURN_IF_ERROR(CheckGiven("image", request.image()));
  ASSIGN_OR_RETURN(const std::vector<ImageLayer> layers, images_->Layers(request.image()));
  const std::shared_ptr<const Image> image = images_->Find(request.image());
  if (image == nullptr) return absl::NotFoundError(absl::StrCat("image ", request.image(), " has just been removed"));
  *response = DescribeMessage(*image, layers);
  return absl::OkStatus();
}

absl::Status OwnRpcs::Usage(const v1::UsageRequest&, v1::UsageResponse* response) {
  ASSIGN_OR_RETURN(const ImagesUse use, images_->Use());
  *response = UsageMessage(use);
  response->set_writable_layers(static_cast<int64_t>(stats_->WritableLayers().used_bytes().value()));
  return absl::OkStatus();
}

absl::Status OwnRpcs::Save(const v1::SaveRequest& request, const SendChunk& send, const CallContext& call) {
  if (request.images().empty()) return absl::InvalidArgumentError("field images: name at least one image");
  v1::Chunk chunk;
  const auto flush = [&]() -> absl::Status {
    if (!send(chunk)) return absl::CancelledError("the client has gone");
    chunk.clear_data();
    return absl::OkStatus();
  };
  const auto sink = [&](absl::string_view bytes) -> absl::Status {
    chunk.mutable_data()->append(bytes.data(), bytes.size());
    return chunk.data().size() < kChunkBytes ? absl::OkStatus() : flush();
  };
  RETURN_IF_ERROR(images_->Save({request.images().begin(), request.images().end()}, sink, call));
  return chunk.data().empty() ? absl::OkStatus() : flush();
}

absl::Status OwnRpcs::Load(const ReceiveChunk& receive, const CallContext& call, v1::LoadResponse* response) {
  v1::Chunk chunk;
  const auto input = [&]() -> absl::StatusOr<absl::string_view> {
    do {
      chunk.clear_data();
      if (!receive(&chunk)) {
        RETURN_IF_ERROR(call.Check());  // what a client that has gone has sent so far is no archive
        return absl::string_view();
      }
    } while (chunk.data().empty());
    return absl::string_view(chunk.data());
  };
  ASSIGN_OR_RETURN(const std::vector<std::string> names, images_->Load(input, call));
  for (const std::string& name : names) response->add_names(name);
  return absl::OkStatus();
}

absl::Status OwnRpcs::GetPage(const v1::PageRequest& request, v1::PageResponse* response) {
  RETURN_IF_ERROR(CheckGiven("path", request.path()));
  ASSIGN_OR_RETURN(*response->mutable_json(), page_(request.path()));
  return absl::OkStatus();
}

}  // namespace crisp
