// ShimConnection: one connection to a shim: requests out, answers and events in, and whether the process still lives.
// The part of ShimClient below its methods; nothing else uses it.
//
// Ownership: shared by the client and the reactor's callbacks, which Close takes back.
// Threading: any thread asks; packets are read on the reactor's thread. The lock is held for table look-ups only.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call.h"
#include "base/mutex.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "os/reactor.h"
#include "runtime/shim.h"
#include "runtime/stream_end.h"
#include "shim/codec.h"

namespace crisp {

// What the shim has answered to one request so far.
struct ShimAnswer {
  bool done = false;  // no further answer follows
  std::optional<shim::Error> error;
  shim::HelloReply hello;
  shim::Started started;
  uint32_t exit_code = 0;
  std::vector<ShimContainer> containers;
  uint64_t output_limit = 0;
  std::string output[2];
  std::shared_ptr<StreamEnd> end;  // of a request that opens a stream
  Fd attached;
};

// A stream that the shim has opened.
struct OpenedStream {
  uint64_t request = 0;
  std::shared_ptr<StreamEnd> end;
  Fd attached;  // the terminal's master, if there is one
};

class ShimConnection : public std::enable_shared_from_this<ShimConnection> {
 public:
  ShimConnection(Reactor& reactor, ShimListener* listener, Fd socket, std::chrono::nanoseconds undo_timeout)
      : reactor_(reactor), listener_(listener), socket_(std::move(socket)), undo_timeout_(undo_timeout) {}

  void set_undo_timeout(std::chrono::nanoseconds timeout);

  absl::Status Begin();
  // Nothing is read and nobody is told any more. The shim runs on.
  void Close();

  // Says hello, and from then on knows the process. Internal if the shim keeps another pod.
  absl::Status Greet(const std::string& pod_id, const Call& call);

  // Sends the request and waits for its answer.
  template <typename Request>
  absl::StatusOr<ShimAnswer> Ask(Request request, const Call& call) {
    return AskWith(std::move(request), ShimAnswer(), {}, /*cancel=*/false, call);
  }

  // `attached` are the descriptors that go with it. With `cancel`, the request is cancelled when the call is over, and
  // the shim's confirmation that it is undone is waited for.
  template <typename Request>
  absl::StatusOr<ShimAnswer> AskWith(Request request, ShimAnswer answer, const std::vector<int>& attached, bool cancel,
                                     const Call& call) {
    const uint64_t id = NextId();
    const absl::Status asked = Exchange(id, shim::Encode(id, std::move(request)), &answer, attached, cancel, call);
    if (!asked.ok()) return asked;
    return answer;
  }

  // Sends a Start and waits for its answer, or joins the one that is under way for the container. Errors as
  // Shim::Start.
  absl::StatusOr<shim::Started> Start(shim::Start request, const Call& call);
  // Drops the result of a Start that nobody has waited for to its end.
  void ForgetStart(const std::string& container_id);

  // Opens a stream. Its end is set when the shim tells of it, and when the connection ends.
  template <typename Request>
  absl::StatusOr<OpenedStream> OpenStream(Request request, const std::vector<int>& attached, const Call& call) {
    const uint64_t id = NextId();
    ShimAnswer answer;
    answer.end = std::make_shared<StreamEnd>();
    const absl::Status asked =
        Exchange(id, shim::Encode(id, std::move(request)), &answer, attached, /*cancel=*/true, call);
    if (!asked.ok()) return asked;
    return OpenedStream{id, std::move(answer.end), std::move(answer.attached)};
  }
  // Ends a stream whose end nobody wants to know. Does not wait.
  void CloseStream(uint64_t request);

  // Internal, naming `what`, if the shim is of an older crisp that cannot do it.
  absl::Status CheckVersion(uint32_t needed, absl::string_view what);

  // Asks it to shut down, and waits until the process is gone. As ShimClient::Shutdown.
  absl::Status EndProcess(const Call& call);
  // SIGKILL, and waits until the process is gone.
  absl::Status KillProcess(const Call& call);

  pid_t pid();

 private:
  // A Start whose result has not been returned to anybody yet. It outlives its callers, so that a later one joins it.
  struct PendingStart {
    uint64_t request = 0;
    ShimAnswer answer;
    std::optional<MonoTime> undo_deadline;  // set when it is cancelled
  };

  absl::Status Exchange(uint64_t id, const std::string& packet, ShimAnswer* answer, const std::vector<int>& attached,
                        bool cancel, const Call& call);
  // Registers `answer` for what comes back, and sends the packet. After an error it is not registered.
  absl::Status Send(uint64_t id, const std::string& packet, ShimAnswer* answer, const std::vector<int>& attached,
                    const Call& call);
  // Return once the answer is done, or the wait is pointless.
  absl::Status Await(uint64_t id, const ShimAnswer& answer, bool cancel, const Call& call)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AwaitUndone(uint64_t id, const ShimAnswer& answer, const absl::Status& over)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::shared_ptr<PendingStart> FindOrAddStart(const std::string& container_id, bool* joined);
  // Gives callers that have joined it the reason.
  void EndUnsentStart(const std::string& container_id, PendingStart& start, const absl::Status& why);
  // OK once the start is answered. After an error it stays pending.
  absl::Status AwaitStart(const std::string& container_id, PendingStart& start, const Call& call)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EraseStart(const std::string& container_id, const PendingStart& start) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Status AwaitDeath(const Call& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t NextId();

  absl::Status WatchProcess(pid_t pid);
  void OnProcessGone();
  void OnReadable();
  void OnGone();
  void OnPacket(std::string_view packet, Fd attached);
  bool OnStreamEnd(const shim::Header& header, std::string_view packet);
  void OnExited(std::string_view packet);
  void OnOomKill(std::string_view packet);
  void SendCancel(uint64_t request);
  // No end of a stream will be told any more.
  void LoseStreams();

  Reactor& reactor_;
  ShimListener* listener_;
  const Fd socket_;
  Pidfd pidfd_;
  Mutex mutex_;
  CondVar changed_;
  std::chrono::nanoseconds undo_timeout_ ABSL_GUARDED_BY(mutex_);
  pid_t pid_ ABSL_GUARDED_BY(mutex_) = -1;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, ShimAnswer*> waiting_ ABSL_GUARDED_BY(mutex_);  // on their callers' stacks, and in starts_
  std::map<std::string, std::shared_ptr<PendingStart>> starts_ ABSL_GUARDED_BY(mutex_);  // by container
  std::map<uint64_t, std::shared_ptr<StreamEnd>> streams_ ABSL_GUARDED_BY(mutex_);       // that are open
  uint32_t version_ ABSL_GUARDED_BY(mutex_) = 0;                                         // of the shim's protocol
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool cleaned_up_ ABSL_GUARDED_BY(mutex_) = false;  // it has answered that it took its containers away
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
  bool process_gone_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace crisp
