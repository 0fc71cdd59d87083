// CompletionLoop: one thread that serves the events of a gRPC completion queue. It sleeps until there is one.
//
// Order: Register, then the server is built, then Start; then the server's Shutdown, and the destructor.
#pragma once

#include <grpcpp/server_builder.h>

#include <functional>
#include <memory>
#include <thread>

#include "absl/status/status.h"

namespace crisp {

// An operation of gRPC's asynchronous API: its address is the tag. Called on the loop's thread when it is over; `ok` as
// in grpc::CompletionQueue::Next. It may delete the CompletionOp.
struct CompletionOp {
  std::function<void(bool ok)> run;
};

class CompletionLoop {
 public:
  CompletionLoop() = default;
  // Serves what is left. The server must have been shut down, or never been built.
  ~CompletionLoop();
  CompletionLoop(const CompletionLoop&) = delete;
  CompletionLoop& operator=(const CompletionLoop&) = delete;

  void Register(grpc::ServerBuilder* builder);
  absl::Status Start();

  // Null before Register.
  grpc::ServerCompletionQueue* queue() { return queue_.get(); }

 private:
  // Until the queue is shut down and empty.
  void ServeAll();

  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::thread thread_;
};

}  // namespace crisp
