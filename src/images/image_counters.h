// ImageCounters: pulls, layers and the requests to registries. Images owns it.
#pragma once

#include "base/counters.h"

namespace crisp {

struct ImageCounters {
  // The answers of one host.
  struct Host {
    CountsByLabel<Counter> codes{{}, 30};  // the status; "none" if there was no answer
  };

  CountsByLabel<Counter> pulls{
      {"ok", "not_found", "denied", "unavailable", "no_space", "damaged", "cancelled", "error"}};
  TimeCounts pull_times;   // of pulls that succeeded
  Counter joined_pulls;    // callers that joined a pull at work
  Counter received_bytes;  // of layers, from registries
  Counter written_bytes;   // disk space of unpacked layers
  Counter layers_unpacked;
  Counter layers_reused;    // that were there when an image was pulled
  TimeCounts unpack_times;  // from the request for a layer to its last file
  // By host and port. Redirects lead to hosts that a registry chooses.
  CountsByLabel<Host> requests{{}, 50};
  Counter retries;  // requests that repeat one that failed at the same endpoint
  Counter resumed_downloads;
};

}  // namespace crisp
