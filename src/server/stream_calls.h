// StreamCalls: the calls of CRI that are answered by a stream of messages: GetContainerEvents, and the lists that may
// not fit into one message. One thread serves all of them, however many there are; lists are built by a few others, so
// that a list that takes long delays no event.
//
// On gRPC's asynchronous API, not on the callback one: the threads that the latter brings along on Linux wake up every
// second, and sleep for 100 ms in between, in which nobody is served (gRPC 1.51, completion_queue_cc.cc,
// CallbackAlternativeCQ).
//
// Ownership: the objects handed in must outlive it. Order: Register, then the server is built, then Start; at the end
// EndEvents, the server's Shutdown, and the destructor.
#pragma once

#include <grpcpp/server_builder.h>

#include <cstddef>

#include "absl/status/status.h"
#include "base/worker_pool.h"
#include "server/completion_loop.h"
#include "server/server_options.h"

namespace crisp {

class Edge;
class ImageService;
class RuntimeService;
struct ListServing;

class StreamCalls {
 public:
  struct Parts {
    RuntimeService* runtime_service;
    ImageService* image_service;
    CriBackends backends;
    size_t max_send_bytes;
  };

  explicit StreamCalls(const Parts& parts);
  // Waits for the lists that are being built. The server must have been shut down, or never been built.
  ~StreamCalls();
  StreamCalls(const StreamCalls&) = delete;
  StreamCalls& operator=(const StreamCalls&) = delete;

  void Register(grpc::ServerBuilder* builder);
  absl::Status Start();
  // Ends the calls that would never end by themselves: Unavailable.
  void EndEvents();

 private:
  static constexpr int kMostListThreads = 4;
  static constexpr size_t kMostWaitingLists = 1000;

  ListServing Serving(Edge* edge);
  // Each waits for calls of its methods.
  void AcceptEvents();
  void AcceptStateLists();
  void AcceptStatsLists();
  void AcceptImageList();

  const Parts parts_;
  const size_t chunk_bytes_;
  WorkerPool workers_{kMostListThreads, kMostWaitingLists};
  CompletionLoop loop_;  // after workers_: its thread hands them lists until it ends
};

}  // namespace crisp
