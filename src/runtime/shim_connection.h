// ShimConnection: one connection to a shim. It sends requests, receives answers and events, and watches the process. It
// is the part of ShimClient below its methods; nothing else uses it.
//
// Ownership: shared by the client and the reactor's callbacks, until Close removes these.
// Threading: requests from any thread; packets are read on the reactor's thread. The lock is held for table look-ups
// only.
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
#include "base/call_context.h"
#include "base/mutex.h"
#include "os/fd.h"
#include "os/pidfd.h"
#include "os/reactor.h"
#include "runtime/shim.h"
#include "runtime/stream_exit.h"
#include "shim/codec.h"

namespace crisp {

// The answer to one request, as far as it has arrived.
struct ShimAnswer {
  bool done = false;  // no further answer follows
  std::optional<shim::Error> error;
  shim::HelloReply hello;
  shim::Started started;
  uint32_t exit_code = 0;
  shim::RunTimes exec;
  std::vector<ShimContainer> containers;
  uint64_t output_limit = 0;
  std::string output[2];
  std::shared_ptr<StreamExit> end;  // of a request that opens a stream
  Fd attached;
};

// A stream that the shim has opened.
struct OpenedStream {
  uint64_t request = 0;
  std::shared_ptr<StreamExit> end;
  Fd attached;  // the terminal's master, if there is one
};

class ShimConnection : public std::enable_shared_from_this<ShimConnection> {
 public:
  ShimConnection(Reactor& reactor, ShimListener* listener, Fd socket, std::chrono::nanoseconds undo_timeout)
      : reactor_(reactor), listener_(listener), socket_(std::move(socket)), undo_timeout_(undo_timeout) {}

  void set_undo_timeout(std::chrono::nanoseconds timeout);

  absl::Status Begin();
  // Stops reading; no callback and no listener method runs after it. The shim runs on.
  void Close();

  // Sends Hello and starts to watch the shim's process. Internal if it is the shim of another pod.
  absl::Status Greet(const std::string& pod_id, const CallContext& call);

  // Sends the request and waits for its answer.
  template <typename Request>
  absl::StatusOr<ShimAnswer> Ask(Request request, const CallContext& call) {
    return AskWith(std::move(request), ShimAnswer(), {}, /*cancel=*/false, call);
  }

  // `attached` are descriptors to send. With `cancel` the request is cancelled when the call is over, and this waits
  // for the shim to confirm that it is undone.
  template <typename Request>
  absl::StatusOr<ShimAnswer> AskWith(Request request, ShimAnswer answer, const std::vector<int>& attached, bool cancel,
                                     const CallContext& call) {
    const uint64_t id = NextId();
    const absl::Status asked = Exchange(id, shim::Encode(id, std::move(request)), &answer, attached, cancel, call);
    if (!asked.ok()) return asked;
    return answer;
  }

  // Sends a Start and waits for its answer, or joins the one in progress for the container. Errors as Shim::Start.
  absl::StatusOr<shim::Started> Start(shim::Start request, const CallContext& call);
  // Drops the result of a Start whose callers have left before its end.
  void ForgetStart(const std::string& container_id);

  // Opens a stream. Its end is set when the shim reports it, or when the connection ends.
  template <typename Request>
  absl::StatusOr<OpenedStream> OpenStream(Request request, const std::vector<int>& attached, const CallContext& call) {
    const uint64_t id = NextId();
    ShimAnswer answer;
    answer.end = std::make_shared<StreamExit>();
    const absl::Status asked =
        Exchange(id, shim::Encode(id, std::move(request)), &answer, attached, /*cancel=*/true, call);
    if (!asked.ok()) return asked;
    return OpenedStream{id, std::move(answer.end), std::move(answer.attached)};
  }
  // Ends a stream without waiting.
  void CloseStream(uint64_t request);

  uint32_t version();  // of the shim's protocol
  // Internal, naming `what`, if the shim's protocol is older than `needed`.
  absl::Status CheckVersion(uint32_t needed, absl::string_view what);

  // Asks it to shut down, and waits until the process is gone. As ShimClient::Shutdown.
  absl::Status EndProcess(const CallContext& call);
  // SIGKILL, and waits until the process is gone.
  absl::Status KillProcess(const CallContext& call);

  pid_t pid();
  std::string build();

  // Asks for the upgrade. The version and the build are then those of the program that runs.
  absl::Status Upgrade(const std::string& program, const CallContext& call);

 private:
  // A Start whose result has not been returned yet. It outlives its callers, so that a later one can join it.
  struct PendingStart {
    uint64_t request = 0;
    ShimAnswer answer;
    std::optional<MonoTime> undo_deadline;  // set when it is cancelled
  };

  absl::Status Exchange(uint64_t id, const std::string& packet, ShimAnswer* answer, const std::vector<int>& attached,
                        bool cancel, const CallContext& call);
  // Registers `answer` for the shim's answers and sends the packet. After an error it is not registered.
  absl::Status Send(uint64_t id, const std::string& packet, ShimAnswer* answer, const std::vector<int>& attached,
                    const CallContext& call);
  // Both return when the answer is done or cannot come any more.
  absl::Status Await(uint64_t id, const ShimAnswer& answer, bool cancel, const CallContext& call)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AwaitUndone(uint64_t id, const ShimAnswer& answer, const absl::Status& over)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::shared_ptr<PendingStart> FindOrAddStart(const std::string& container_id, bool* joined);
  // Passes the error of the send to the callers that have joined.
  void EndUnsentStart(const std::string& container_id, PendingStart& start, const absl::Status& why);
  // OK when the start is answered. After an error it stays pending.
  absl::Status AwaitStart(const std::string& container_id, PendingStart& start, const CallContext& call)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EraseStart(const std::string& container_id, const PendingStart& start) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Status AwaitDeath(const CallContext& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  uint64_t NextId();

  void Learn(const shim::HelloReply& reply);
  absl::Status WatchProcess(pid_t pid);
  void OnProcessGone();
  void OnReadable();
  void OnGone();
  void OnPacket(std::string_view packet, Fd attached);
  bool OnStreamExit(const shim::Header& header, std::string_view packet);
  void OnExited(std::string_view packet);
  void OnOomKill(std::string_view packet);
  void OnLogLost(std::string_view packet);
  void SendCancel(uint64_t request);
  // Ends all streams: the shim cannot report their ends any more.
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
  std::map<uint64_t, std::shared_ptr<StreamExit>> streams_ ABSL_GUARDED_BY(mutex_);      // that are open
  uint32_t version_ ABSL_GUARDED_BY(mutex_) = 0;                                         // of the shim's protocol
  std::string build_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool cleaned_up_ ABSL_GUARDED_BY(mutex_) = false;  // it has answered that it took its containers away
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
  bool process_gone_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace crisp
