// OwnRpcs: crisp's own RPCs (api/crisp/v1/crisp.proto) that are answered by one message.
//
// Thread-safe. InvalidArgument for a request without what it is about; else the errors of NodeImages and of the pages.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/crisp/v1/crisp.pb.h"
#include "base/call_context.h"

namespace crisp {

class NodeImages;
class Stats;

class OwnRpcs {
 public:
  // Makes the page at a path; NotFound if there is none. Called from any thread.
  using Page = std::function<absl::StatusOr<std::string>(const std::string& path)>;

  // Sends a message of a stream. False: the client has gone.
  using SendChunk = std::function<bool(const v1::Chunk&)>;
  // Waits for the next message. False: there is none.
  using ReceiveChunk = std::function<bool(v1::Chunk*)>;

  // `images` and `stats` must outlive this. `stats` measures the writable layers of containers.
  OwnRpcs(NodeImages* images, const Stats* stats, Page page) : images_(images), stats_(stats), page_(std::move(page)) {}

  absl::Status ListPulls(const v1::ListPullsRequest& request, v1::ListPullsResponse* response);
  absl::Status Tag(const v1::TagRequest& request, v1::TagResponse* response);
  absl::Status Untag(const v1::UntagRequest& request, v1::UntagResponse* response);
  absl::Status Describe(const v1::DescribeRequest& request, v1::DescribeResponse* response);
  absl::Status Usage(const v1::UsageRequest& request, v1::UsageResponse* response);
  absl::Status Save(const v1::SaveRequest& request, const SendChunk& send, const CallContext& call);
  absl::Status Load(const ReceiveChunk& receive, const CallContext& call, v1::LoadResponse* response);
  absl::Status GetPage(const v1::PageRequest& request, v1::PageResponse* response);

 private:
  NodeImages* const images_;
  const Stats* const stats_;
  const Page page_;
};

}  // namespace crisp
