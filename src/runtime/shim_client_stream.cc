#include "runtime/shim_client_stream.h"

#include <sys/ioctl.h>

#include <utility>

#include "runtime/shim_connection.h"
#include "runtime/stream_exit.h"

namespace crisp {

ShimClientStream::ShimClientStream(std::shared_ptr<ShimConnection> connection, uint64_t request,
                                   std::shared_ptr<StreamExit> end, Descriptors ends, Fd terminal)
    : connection_(std::move(connection)),
      request_(request),
      end_(std::move(end)),
      ends_(std::move(ends)),
      terminal_(std::move(terminal)) {}

ShimClientStream::~ShimClientStream() {
  end_->Forget();
  connection_->CloseStream(request_);
}

ShimClientStream::Descriptors ShimClientStream::TakeDescriptors() {
  return std::move(ends_);
}

void ShimClientStream::Resize(uint16_t columns, uint16_t rows) {
  if (!terminal_.valid()) return;
  winsize size{};
  size.ws_col = columns;
  size.ws_row = rows;
  ioctl(terminal_.get(), TIOCSWINSZ, &size);  // fails only where it is no terminal
}

void ShimClientStream::OnExit(std::function<void(absl::StatusOr<int>)> ended) {
  const std::shared_ptr<StreamExit> end = end_;  // `ended` may destroy this stream
  end->OnSet(std::move(ended));
}

}  // namespace crisp
