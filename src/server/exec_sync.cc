#include <algorithm>

#include "base/status_macros.h"
#include "sandbox/pod_manager.h"
#include "server/edge.h"
#include "server/runtime_service.h"

namespace crisp {
namespace {

// Room for the lengths and tags around the two texts.
constexpr size_t kEnvelope = 1024;

// Each of the two may be as long as a whole message: what does not fit is cut from the longer one.
void CutToFit(cri::ExecSyncResponse* response, size_t limit) {
  std::string& output = *response->mutable_stdout();
  std::string& errors = *response->mutable_stderr();
  const size_t room = limit - std::min(limit, kEnvelope);
  if (output.size() + errors.size() <= room) return;
  std::string& longer = output.size() >= errors.size() ? output : errors;
  std::string& shorter = output.size() >= errors.size() ? errors : output;
  shorter.resize(std::min(shorter.size(), room / 2));
  longer.resize(std::min(longer.size(), room - shorter.size()));
}

}  // namespace

grpc::Status RuntimeService::ExecSync(grpc::ServerContext* context, const cri::ExecSyncRequest* in,
                                      cri::ExecSyncResponse* out) {
  return Serve({"ExecSync", LogLevel::kInfo, in->container_id()}, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(*out, pods_->ExecSync(*in, CallOf(*context)));
    CutToFit(out, static_cast<size_t>(options_.max_send_bytes));
    return absl::OkStatus();
  });
}

}  // namespace crisp
