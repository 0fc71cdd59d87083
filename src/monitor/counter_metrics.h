// CounterMetrics: what the rooms have counted (base/counters.h), under the names of docs/metrics.md.
#pragma once

#include <prometheus/collectable.h>

#include <vector>

namespace crisp {

class Database;
class Images;
class Network;
class PodManager;
class StreamServer;

// Reads counters, the list of operations and the sizes of two files; waits for nothing else. Thread-safe.
class CounterMetrics final : public prometheus::Collectable {
 public:
  // All must outlive the object.
  struct Parts {
    PodManager* pods;
    const Network* network;
    const Images* images;
    const StreamServer* streams;
    const Database* database;
  };
  explicit CounterMetrics(Parts parts) : parts_(parts) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Parts parts_;
};

}  // namespace crisp
