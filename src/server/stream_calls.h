// StreamCalls: the calls that are answered by a stream of messages: GetContainerEvents, the lists that may not fit into
// one message, and pulls that are watched. One thread serves all of them, however many there are; lists are built by a
// few others, so that a list that takes long delays no event; a pull that is watched has a thread that waits for it.
//
// On gRPC's asynchronous API, not on the callback one: the threads that the latter brings along on Linux wake up every
// second, and sleep for 100 ms in between, in which nobody is served (gRPC 1.51, completion_queue_cc.cc,
// CallbackAlternativeCQ).
//
// Ownership: the objects handed in must outlive it. Order: Register, then the server is built, then Start; at the end
// EndEvents, the server's Shutdown, and the destructor.
#pragma once

#include <grpcpp/server_builder.h>

#include <atomic>
#include <cstddef>

#include "absl/status/status.h"
#include "base/worker_pool.h"
#include "server/completion_loop.h"
#include "server/server_options.h"

namespace crisp {

class Edge;
class ImageService;
class OwnImageService;
class RuntimeService;
struct ListServing;

class StreamCalls {
 public:
  struct Parts {
    RuntimeService* runtime_service;
    ImageService* image_service;
    OwnImageService* own_images;
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
  static constexpr int kMostWatchedPulls = 64;

  ListServing Serving(Edge* edge);
  // Each waits for calls of its methods.
  void AcceptEvents();
  void AcceptStateLists();
  void AcceptStatsLists();
  void AcceptImageList();
  void AcceptPulls();

  const Parts parts_;
  const size_t chunk_bytes_;
  WorkerPool workers_{kMostListThreads, kMostWaitingLists};
  WorkerPool pullers_{kMostWatchedPulls, 0};
  std::atomic<bool> ending_ = false;
  CompletionLoop loop_;  // after the pools: its thread hands them work until it ends
};

}  // namespace crisp
