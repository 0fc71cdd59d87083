#include "server/completion_loop.h"

#include "base/status_macros.h"
#include "base/thread.h"

namespace crisp {

CompletionLoop::~CompletionLoop() {
  if (queue_ == nullptr) return;
  queue_->Shutdown();
  if (thread_.joinable()) {
    thread_.join();
  } else {
    ServeAll();
  }
}

void CompletionLoop::Register(grpc::ServerBuilder* builder) {
  // The threads of the synchronous calls accept connections. With a queue that is polled frequently they would not.
  queue_ = builder->AddCompletionQueue(/*is_frequently_polled=*/false);
}

absl::Status CompletionLoop::Start() {
  ASSIGN_OR_RETURN(thread_, StartThread("streamed calls", [this] { ServeAll(); }));
  return absl::OkStatus();
}

void CompletionLoop::ServeAll() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
    // A copy: the last operation of a call deletes the call, and with it the tag.
    const std::function<void(bool)> run = static_cast<CompletionOp*>(tag)->run;
    run(ok);
  }
}

}  // namespace crisp
