// BlobDownload: the download of one blob over one or more requests. Each byte goes to the sink once and in order.
//
// Used by one thread. Errors are Internal if a response has other bytes than asked for, and that of the sink.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "images/http.h"

namespace crisp {

class BlobDownload {
 public:
  using Sink = std::function<absl::Status(absl::string_view)>;

  // `sink` must outlive it.
  BlobDownload(uint64_t size, const Sink& sink) : size_(size), sink_(sink) {}

  // The Range header of the next request; empty for the whole blob.
  std::string Range() const;
  // The registry does not continue where the download broke off: the next requests ask for the whole blob, of which the
  // known bytes are skipped.
  void AskForWhole() { whole_ = true; }
  bool asks_for_whole() const { return whole_ || received_ == 0; }

  // Checks that a 200 or 206 response continues where the download broke off, or begins at the beginning.
  absl::Status Begin(const HttpResponse& response);
  absl::Status Take(absl::string_view bytes);

  uint64_t received() const { return received_; }
  bool complete() const { return received_ == size_; }
  const absl::Status& sink_error() const { return sink_error_; }

 private:
  const uint64_t size_;
  const Sink& sink_;
  bool whole_ = false;
  uint64_t received_ = 0;
  uint64_t skip_ = 0;  // bytes of this response that were received before
  absl::Status sink_error_;
};

}  // namespace crisp
