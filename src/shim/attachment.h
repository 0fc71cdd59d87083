// Attachment: a client of the daemon that is attached to the streams of a running container.
//
// It ends when the container has exited and the client has taken all output, when nobody reads the output any more,
// when the client took nothing for too long (shim/tee.h), or when it is cancelled. The container goes on in any case.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "os/fd.h"
#include "shim/connections.h"
#include "shim/container.h"
#include "shim/messages.h"
#include "shim/session.h"

namespace crisp::shim {

class Attachment : public Session {
 public:
  struct Client {
    std::function<void(Fd terminal)> opened;                                                 // the first call
    std::function<void(const std::optional<Failure>&, std::optional<int> exit_code)> ended;  // the last
  };

  // `number` is unique in this shim. The container's streams live as long as somebody is attached to them.
  Attachment(std::shared_ptr<Container> container, uint64_t number, Client client)
      : container_(std::move(container)), number_(number), client_(std::move(client)) {}
  ~Attachment() override { container_->io().Detach(number_); }

  void Begin(uint8_t streams, Attached ends);
  void Cancel(ErrorCode why) override;
  bool busy() const override { return false; }
  std::string container_id() const override { return container_->id(); }
  void Save(SessionState owner, ShimState* state) const override;
  void Restore(const AttachmentState& state);  // in place of Begin

 private:
  ContainerIo::Watcher Watch();
  void OnParted(Tee::Parting how);
  void FinishIfOver();
  void Finish(const std::optional<Failure>& failure);

  std::shared_ptr<Container> container_;
  uint64_t number_;
  Client client_;
  int outputs_ = 0;       // streams that have not parted
  bool hung_up_ = false;  // one of them was closed by its reader
  bool finished_ = false;
  std::optional<int> exit_code_;
};

}  // namespace crisp::shim
