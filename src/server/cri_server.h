// CriServer: the CRI v1 services on a unix socket.
//
// Ownership: the objects handed in must outlive the server. Threading: gRPC's synchronous API with a cap on threads; a
// call beyond the cap is answered ResourceExhausted. The calls that answer by a stream share one thread (long_calls.h).
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace crisp {

class Images;
class Network;
class PodManager;
class Stats;
class StatusView;
class StreamServer;

// What the RPCs are about. All must outlive the server.
struct CriBackends {
  PodManager* pods;
  const StatusView* status;
  const Stats* stats;
  Images* images;
  Network* network;
  StreamServer* streams;
};

struct ServerOptions {
  std::string address;  // path of the socket
  uid_t uid = 0;        // its owner
  gid_t gid = 0;
  int max_receive_bytes = 16 << 20;
  int max_send_bytes = 16 << 20;

  // What Status and RuntimeConfig report.
  bool systemd_cgroup = false;               // of the default runtime
  std::map<std::string, std::string> facts;  // for Status(verbose): name to value
  std::vector<std::string> runtimes;         // names of the handlers
};

class CriServer {
 public:
  // A stale socket at the address is replaced; one that somebody answers is an error.
  static absl::StatusOr<std::unique_ptr<CriServer>> Start(ServerOptions options, const CriBackends& backends);
  // Lets the calls in flight end for a moment, then cancels them.
  ~CriServer();
  CriServer(const CriServer&) = delete;
  CriServer& operator=(const CriServer&) = delete;

 private:
  class Impl;
  explicit CriServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace crisp
