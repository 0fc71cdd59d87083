#include "server/long_calls.h"

#include <algorithm>

#include "base/status_macros.h"
#include "base/thread.h"
#include "sandbox/pod_manager.h"
#include "server/stream_call.h"

namespace crisp {
namespace {

// Of a list's messages. A client has a cap of its own on what it takes, 16 MiB for the kubelet, and reads on while the
// next is under way.
constexpr size_t kMostChunkBytes = 1 << 20;

// Serves what comes until the queue is shut down and empty.
void ServeAll(grpc::ServerCompletionQueue* queue) {
  void* tag = nullptr;
  bool ok = false;
  while (queue->Next(&tag, &ok)) {
    // Copied: the last operation of a call deletes it, and with it the tag.
    const std::function<void(bool)> run = static_cast<LongOp*>(tag)->run;
    run(ok);
  }
}

}  // namespace

LongCalls::LongCalls(const Parts& parts)
    : parts_(parts), chunk_bytes_(std::min(kMostChunkBytes, parts.max_send_bytes / 2)) {}

LongCalls::~LongCalls() {
  if (queue_ == nullptr) return;
  queue_->Shutdown();
  if (thread_.joinable()) {
    thread_.join();
  } else {
    ServeAll(queue_.get());
  }
}

void LongCalls::Register(grpc::ServerBuilder* builder) {
  // Connections are accepted by the threads of the synchronous calls, which would otherwise not look at all.
  queue_ = builder->AddCompletionQueue(/*is_frequently_polled=*/false);
}

absl::Status LongCalls::Start() {
  AcceptGetContainerEvents();
  AcceptStreamPodSandboxes();
  AcceptStreamContainers();
  AcceptStreamContainerStats();
  AcceptStreamPodSandboxStats();
  AcceptStreamPodSandboxMetrics();
  AcceptStreamImages();
  ASSIGN_OR_RETURN(thread_, StartThread("calls answered by streams", [this] { ServeAll(queue_.get()); }));
  return absl::OkStatus();
}

void LongCalls::EndEvents() {
  parts_.pods->events().Close(absl::UnavailableError("crispd is ending"));
}

}  // namespace crisp
