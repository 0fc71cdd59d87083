// Sessions: the open execs and attachments, each with the connection and the request that it belongs to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shim/attachment.h"
#include "shim/collected_exec.h"
#include "shim/connections.h"
#include "shim/container.h"
#include "shim/context.h"
#include "shim/messages.h"
#include "shim/session.h"
#include "shim/state.h"
#include "shim/streamed_exec.h"

namespace crisp::shim {

class Sessions {
 public:
  Sessions(Context context, Connections& connections) : context_(context), connections_(connections) {}

  // Opens a session for a request of `client`, or refuses. `container` is the one that the request names, or null.
  void Open(const ConnectionRef& client, uint64_t id, const std::shared_ptr<Container>& container, const Exec& request,
            Attached attached);
  void Open(const ConnectionRef& client, uint64_t id, const std::shared_ptr<Container>& container,
            const ExecStream& request, Attached attached);
  void Open(const ConnectionRef& client, uint64_t id, const std::shared_ptr<Container>& container,
            const Attach& request, Attached attached);

  void Cancel(const ConnectionRef& client, uint64_t id);
  void CancelAll(const ConnectionRef& client);
  void ResumeAll(const ConnectionRef& client);

  // For an upgrade. Finds a container by its id, null if the shim does not have it any more.
  using Find = std::function<std::shared_ptr<Container>(const std::string& id)>;
  // What is under way and cannot be saved; empty if there is nothing.
  std::string busy(const Find& find) const;
  // `connections` are those that have been saved.
  void Save(const std::vector<ConnectionRef>& connections, ShimState* state) const;
  void Restore(const ShimState& state, const std::vector<ConnectionRef>& connections, const Find& find);

 private:
  struct Entry {
    ConnectionRef client;
    uint64_t id;
    std::shared_ptr<Session> session;
  };

  bool Runs(const ConnectionRef& client, uint64_t id, const char* what, const std::shared_ptr<Container>& container);
  void Keep(const ConnectionRef& client, uint64_t id, std::shared_ptr<Session> session);
  CollectedExec::Client CollectedAnswers(const ConnectionRef& client, uint64_t id);
  StreamedExec::Client StreamedAnswers(const ConnectionRef& client, uint64_t id);
  Attachment::Client AttachmentAnswers(const ConnectionRef& client, uint64_t id);
  void EndExec(const ConnectionRef& client, uint64_t id, const ExecEnd& end);
  void Forget(const ConnectionRef& client, uint64_t id);

  Context context_;
  Connections& connections_;
  std::vector<Entry> open_;
  uint64_t last_number_ = 0;
};

}  // namespace crisp::shim
