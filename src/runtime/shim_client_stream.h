// ShimClientStream: the ShimStream of a ShimClient. It shares the connection to the shim.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "os/fd.h"
#include "runtime/shim_stream.h"

namespace crisp {

class ShimConnection;
class StreamExit;

class ShimClientStream : public ShimStream {
 public:
  // `request` is the id of the request that opened the stream. `terminal` is the master of the terminal, if there is
  // one.
  ShimClientStream(std::shared_ptr<ShimConnection> connection, uint64_t request, std::shared_ptr<StreamExit> end,
                   Descriptors ends, Fd terminal);
  ~ShimClientStream() override;
  ShimClientStream(const ShimClientStream&) = delete;
  ShimClientStream& operator=(const ShimClientStream&) = delete;

  Descriptors TakeDescriptors() override;
  void Resize(uint16_t columns, uint16_t rows) override;
  void OnExit(std::function<void(absl::StatusOr<int>)> ended) override;

 private:
  const std::shared_ptr<ShimConnection> connection_;
  const uint64_t request_;
  const std::shared_ptr<StreamExit> end_;
  Descriptors ends_;
  const Fd terminal_;
};

}  // namespace crisp
