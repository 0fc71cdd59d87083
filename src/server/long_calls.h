// LongCalls: the calls that live long, or answer by a stream of messages. However many there are, one thread serves
// them; it sleeps until one of them can go on.
//
// On gRPC's asynchronous API, not on the callback one: the threads that the latter brings along on Linux wake up every
// second to look, and sleep for 100 ms in between, in which nobody is served (gRPC 1.51, completion_queue_cc.cc,
// CallbackAlternativeCQ).
//
// Ownership: the objects handed in must outlive it. Order: Register, then the server is built, then Start; at the end
// EndEvents, the server's Shutdown, and the destructor.
#pragma once

#include <grpcpp/server_builder.h>

#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "server/server_options.h"

namespace crisp {

class ImageService;
class RuntimeService;

class LongCalls {
 public:
  struct Parts {
    RuntimeService* runtime_service;
    ImageService* image_service;
    CriBackends backends;
    size_t max_send_bytes;
  };

  explicit LongCalls(const Parts& parts);
  // The server must have been shut down, or never been built.
  ~LongCalls();
  LongCalls(const LongCalls&) = delete;
  LongCalls& operator=(const LongCalls&) = delete;

  void Register(grpc::ServerBuilder* builder);
  absl::Status Start();
  // Ends the calls that would never end by themselves: Unavailable.
  void EndEvents();

 private:
  // Each waits for calls of its methods.
  void AcceptEvents();
  void AcceptStateLists();
  void AcceptStatsLists();
  void AcceptImageList();

  const Parts parts_;
  const size_t chunk_bytes_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::thread thread_;
};

}  // namespace crisp
