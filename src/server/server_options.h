// What the server is told at its start: its options, and the objects that its RPCs are about.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "os/fd.h"

namespace crisp {

class ContainerdView;
class Images;
class Network;
class PodManager;
class PodTable;
class Reactor;
class RpcMetrics;
class RuntimeHealth;
class Stats;
class StatusView;
class StreamServer;
class Tracer;
class TraceFiles;

// What the RPCs are about. All must outlive the server.
struct CriBackends {
  PodManager* pods;
  const PodTable* table;  // read for log lines
  RuntimeHealth* health;
  const StatusView* status;
  const ContainerdView* containerd;
  const Stats* stats;
  Images* images;
  Network* network;
  StreamServer* streams;
  RpcMetrics* rpc_metrics;
  Reactor* reactor;
  Tracer* tracer;               // null: RPCs are not traced
  bool log_trace_ids;           // lines of RPCs name the trace that they are in
  std::string (*operations)();  // what is in flight, as JSON, for Status(verbose)
  TraceFiles* traces;           // for calls that fail with Internal; null: none are kept
};

// What Status and RuntimeConfig tell of the configuration.
struct NodeReport {
  bool systemd_cgroup = false;               // of the default runtime
  std::map<std::string, std::string> facts;  // for Status(verbose): name to value
};

struct ServerOptions {
  std::string address;             // path of the socket
  std::string containerd_address;  // path of a second one, which serves the same; empty: none
  uid_t uid = 0;                   // their owner
  gid_t gid = 0;
  // Sockets that listen already, by path; the server makes the others. Their owner and mode are not changed.
  std::map<std::string, Fd> sockets;
  int max_receive_bytes = 16 << 20;
  int max_send_bytes = 16 << 20;
  NodeReport report;
};

}  // namespace crisp
