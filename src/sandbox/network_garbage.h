// NetworkGarbage: what CNI plugins may still hold for pods whose network was given up (PodNetwork::Detach), and the
// CNI GC that releases it. The database remembers that there is some, so that the next daemon goes on.
//
// Thread-safe.
#pragma once

#include "base/call_context.h"
#include "base/clock.h"
#include "base/mutex.h"

namespace crisp {

class Network;
class PodTable;
class Records;

class NetworkGarbage {
 public:
  // All must outlive the object.
  NetworkGarbage(const PodTable* table, Records* records, Network* network);

  // The network of a pod was given up.
  void Note();

  // Runs CNI GC if a network was given up since the last one. The pods of the table that have a network namespace keep
  // what they hold. Called before a pod is attached, when plugins are needed that were not installed before. An error
  // is logged; GC is tried again after a minute.
  void Collect(const CallContext& call);

 private:
  bool IsDue();

  const PodTable* const table_;
  Records* const records_;
  Network* const network_;
  Mutex mutex_;
  int noted_ ABSL_GUARDED_BY(mutex_);  // networks that were given up
  MonoTime next_try_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace crisp
