// LayerSource: where the compressed blobs of layers come from: a registry or an OCI layout on disk.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"

namespace crisp {

// One layer as a manifest and an image config describe it. The blob's compression is detected from its first bytes.
struct LayerDescriptor {
  std::string digest;    // "sha256:<hex>" of the blob as the registry stores it
  uint64_t size = 0;     // bytes of the blob
  std::string diff_id;   // "sha256:<hex>" of the tar in it
  bool foreign = false;  // its publisher does not want it in other registries, so this one may not have it
};

class LayerSource {
 public:
  using Sink = std::function<absl::Status(absl::string_view)>;

  virtual ~LayerSource() = default;

  // Passes the bytes of the blob to `sink`, each once and in order. Called from several threads at once, for different
  // layers. `sink` may block for as long as the disk or the layers below take; that time does not count as silence of
  // the source. An error of `sink` ends the transfer and is returned. Returns soon after `call` has ended.
  virtual absl::Status Fetch(const LayerDescriptor& layer, const Sink& sink, const CallContext& call) = 0;
};

}  // namespace crisp
