#include "shim/sessions.h"

#include <sys/stat.h>

#include <algorithm>

namespace crisp::shim {
namespace {

constexpr uint8_t kAllStreams = kStdinBit | kStdoutBit | kStderrBit;

bool IsProcessFile(int fd) {
  struct stat info {};
  return fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
         info.st_size <= static_cast<off_t>(kMaxProcessJson);
}

int Count(uint8_t streams) {
  return __builtin_popcount(streams);
}

// Only pipes are accepted: reading or writing anything else, such as a file on a dead server, could block the shim.
bool ArePipes(const Attached& attached) {
  for (const Fd& fd : attached.fds) {
    struct stat info {};
    if (fd.valid() && (fstat(fd.get(), &info) != 0 || !S_ISFIFO(info.st_mode))) return false;
  }
  return true;
}

}  // namespace

bool Sessions::Runs(const ConnectionRef& client, uint64_t id, const char* what,
                    const std::shared_ptr<Container>& container) {
  if (container != nullptr && container->state() == Container::State::kRunning) return true;
  connections_.Refuse(client, id, ErrorCode::kNotRunning, what, "the container is not running");
  return false;
}

void Sessions::Open(const ConnectionRef& client, uint64_t id, const std::shared_ptr<Container>& container,
                    const Exec& request, Attached attached) {
  if (!Runs(client, id, "exec", container)) return;
  if (!IsProcessFile(attached.fds[0].get())) {
    return connections_.Refuse(client, id, ErrorCode::kMalformed, "exec", "no process object came with the request");
  }
  auto session = std::make_shared<CollectedExec>(context_, *container, ++last_number_, request,
                                                 std::move(attached.fds[0]), CollectedAnswers(client, id));
  Keep(client, id, session);
  session->Begin();
}

void Sessions::Open(const ConnectionRef& client, uint64_t id, const std::shared_ptr<Container>& container,
                    const ExecStream& request, Attached attached) {
  if (!Runs(client, id, "exec", container)) return;
  const bool streams_fit = request.terminal != 0 ? request.streams == 0 : (request.streams & ~kAllStreams) == 0;
  if (!streams_fit || attached.count() != 1 + Count(request.streams) || !IsProcessFile(attached.fds[0].get())) {
    return connections_.Refuse(client, id, ErrorCode::kMalformed, "exec", "not the descriptors that it takes");
  }
  auto session = std::make_shared<StreamedExec>(context_, *container, ++last_number_, request, std::move(attached),
                                                StreamedAnswers(client, id));
  Keep(client, id, session);
  session->Begin();
}

void Sessions::Open(const ConnectionRef& client, uint64_t id, const std::shared_ptr<Container>& container,
                    const Attach& request, Attached attached) {
  if (!Runs(client, id, "attach", container)) return;
  const bool fits = (request.streams & ~kAllStreams) == 0 && attached.count() == Count(request.streams);
  if (!fits || !ArePipes(attached)) {
    return connections_.Refuse(client, id, ErrorCode::kMalformed, "attach", "not the pipes that it takes");
  }
  auto session = std::make_shared<Attachment>(container, ++last_number_, AttachmentAnswers(client, id));
  Keep(client, id, session);
  session->Begin(request.streams, std::move(attached));
}

CollectedExec::Client Sessions::CollectedAnswers(const ConnectionRef& client, uint64_t id) {
  return {[this, client, id](uint8_t stream, std::string_view data) {
            return connections_.Answer(client, id, ExecOutput{stream, data});
          },
          [this, client, id](const ExecEnd& end) { EndExec(client, id, end); }};
}

StreamedExec::Client Sessions::StreamedAnswers(const ConnectionRef& client, uint64_t id) {
  return {[this, client, id](Fd terminal) { connections_.Answer(client, id, Opened{}, std::move(terminal)); },
          [this, client, id](const ExecEnd& end) { EndExec(client, id, end); }};
}

Attachment::Client Sessions::AttachmentAnswers(const ConnectionRef& client, uint64_t id) {
  return {[this, client, id](Fd terminal) { connections_.Answer(client, id, Opened{}, std::move(terminal)); },
          [this, client, id](const std::optional<Failure>& failure, std::optional<int> exit_code) {
            if (failure.has_value()) {
              connections_.AnswerOutcome(client, id, failure);
            } else {
              connections_.Answer(client, id,
                                  AttachDone{exit_code.has_value(), static_cast<uint32_t>(exit_code.value_or(0))});
            }
            Forget(client, id);
          }};
}

std::string Sessions::busy(const Find& find) const {
  for (const Entry& one : open_) {
    const std::string id = one.session->container_id();
    if (one.session->busy()) return "an exec in container " + id + " is being launched or killed";
    if (find(id) == nullptr) return "the output of container " + id + ", which is deleted, is being taken";
  }
  return {};
}

void Sessions::Save(const std::vector<ConnectionRef>& connections, ShimState* state) const {
  state->last_session = last_number_;
  for (const Entry& one : open_) {
    const auto client = std::find(connections.begin(), connections.end(), one.client);
    SessionState owner;
    owner.connection = static_cast<uint32_t>(client - connections.begin());
    owner.request = one.id;
    owner.container_id = one.session->container_id();
    one.session->Save(std::move(owner), state);
  }
}

void Sessions::Restore(const ShimState& state, const std::vector<ConnectionRef>& connections, const Find& find) {
  last_number_ = state.last_session;
  for (const CollectedExecState& one : state.collected) {
    const ConnectionRef& client = connections[one.session.connection];
    auto session = std::make_shared<CollectedExec>(context_, *find(one.session.container_id), one.session.number,
                                                   Exec(), Fd(), CollectedAnswers(client, one.session.request));
    session->Restore(one);
    Keep(client, one.session.request, std::move(session));
  }
  for (const StreamedExecState& one : state.streamed) {
    const ConnectionRef& client = connections[one.session.connection];
    auto session =
        std::make_shared<StreamedExec>(context_, *find(one.session.container_id), one.session.number, ExecStream(),
                                       Attached(), StreamedAnswers(client, one.session.request));
    session->Restore(one);
    Keep(client, one.session.request, std::move(session));
  }
  for (const AttachmentState& one : state.attachments) {
    const ConnectionRef& client = connections[one.session.connection];
    auto session = std::make_shared<Attachment>(find(one.session.container_id), one.session.number,
                                                AttachmentAnswers(client, one.session.request));
    session->Restore(one);
    Keep(client, one.session.request, std::move(session));
  }
}

void Sessions::Keep(const ConnectionRef& client, uint64_t id, std::shared_ptr<Session> session) {
  open_.push_back({client, id, std::move(session)});
}

void Sessions::EndExec(const ConnectionRef& client, uint64_t id, const ExecEnd& end) {
  if (end.failure.has_value()) {
    connections_.AnswerOutcome(client, id, end.failure);
  } else {
    connections_.Answer(client, id, ExecDone{static_cast<uint32_t>(end.exit_code), end.launch});
  }
  Forget(client, id);
}

// The session may be inside its own callback.
void Sessions::Forget(const ConnectionRef& client, uint64_t id) {
  std::erase_if(open_, [&](const Entry& one) {
    if (one.client != client || one.id != id) return false;
    context_.loop.DestroyLater(one.session);
    return true;
  });
}

void Sessions::Cancel(const ConnectionRef& client, uint64_t id) {
  for (const Entry& one : std::vector<Entry>(open_)) {
    if (one.client == client && one.id == id) one.session->Cancel(ErrorCode::kCancelled);
  }
}

void Sessions::CancelAll(const ConnectionRef& client) {
  for (const Entry& one : std::vector<Entry>(open_)) {
    if (one.client == client) one.session->Cancel(ErrorCode::kCancelled);
  }
}

void Sessions::ResumeAll(const ConnectionRef& client) {
  for (const Entry& one : std::vector<Entry>(open_)) {
    if (one.client == client) one.session->Resume();
  }
}

}  // namespace crisp::shim
