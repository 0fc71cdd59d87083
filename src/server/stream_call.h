// StreamCall: one call that is answered by a stream of messages, on gRPC's asynchronous API.
//
// Ownership: a call owns itself from Accept until gRPC has returned its last operation.
// Threading: gRPC's events come on the thread of a CompletionLoop; Wake may be called from any thread. One message at a
//   time is under way: the next is taken from the source when gRPC has taken this one, which waits for a client that
//   does not read. So nothing grows here, and the source bounds what waits to be sent.
#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "api/cri/cri.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/worker_pool.h"
#include "sandbox/event_hub.h"
#include "server/completion_loop.h"
#include "server/edge.h"
#include "server/event_source.h"
#include "server/list_source.h"
#include "server/message_source.h"

namespace crisp {

template <typename Request, typename Response>
class StreamCall final : public std::enable_shared_from_this<StreamCall<Request, Response>> {
 public:
  using Writer = grpc::ServerAsyncWriter<Response>;
  using Source = std::unique_ptr<MessageSource<Response>>;
  // Makes the source of a call. The source calls `wake` when it has a message or an end after it had none; `wake` may
  // outlive the call.
  using Open = std::function<Source(const Request& request, std::function<void()> wake)>;
  // The log line of a call: its level if the call succeeds, and what the call is about.
  struct Line {
    LogLevel level = LogLevel::kDebug;
    std::function<OwnedLogFields(const Request&)> subject = {};
  };
  // Asks gRPC for the next call of a method: Request<Method> of the generated service.
  using Ask = std::function<void(grpc::ServerContext*, Request*, Writer*, void* tag)>;

  // Waits for a call, serves it, and meanwhile waits for the next one, until the server shuts down.
  static void Accept(const RpcName& name, const RpcWatchers& watchers, const Ask& ask, const Open& open,
                     const Line& line = {}) {
    const auto call = std::make_shared<StreamCall>(name, watchers, ask, open, line);
    call->self_ = call;
    // gRPC wants it before the call; done_op_ comes only for a call that has begun.
    call->context_.AsyncNotifyWhenDone(&call->done_op_);
    ask(&call->context_, &call->request_, &call->writer_, &call->accept_op_);
  }

  StreamCall(RpcName name, const RpcWatchers& watchers, Ask ask, Open open, Line line)
      : name_(std::move(name)),
        watchers_(watchers),
        ask_(std::move(ask)),
        open_(std::move(open)),
        line_(std::move(line)) {}

  void Wake() {
    MutexLock lock(mutex_);
    Pump();
  }

 private:
  void Accepted(bool ok) {
    if (!ok) {
      self_.reset();  // the server shuts down
      return;
    }
    Accept(name_, watchers_, ask_, open_, line_);
    began_ = MonoClock::now();
    watchers_.metrics->Started(name_);
    span_.emplace(watchers_.tracer, name_, context_);
    const std::weak_ptr<StreamCall> weak = this->weak_from_this();
    // Without the lock: the source may call Wake at once.
    Source source = open_(request_, [weak] {
      if (const auto call = weak.lock()) call->Wake();
    });
    MutexLock lock(mutex_);
    source_ = std::move(source);
    pending_ = 2;  // the initial metadata, and done_op_
    busy_ = true;
    // At once: it tells the client that from now on no event is missed.
    writer_.SendInitialMetadata(&write_op_);
  }

  void Written(bool ok) { Returned(/*written=*/true, /*gone=*/!ok); }
  void Finished() { Returned(false, false); }
  void Done() { Returned(false, context_.IsCancelled()); }

  // After each operation that gRPC returns; the last one deletes the call.
  void Returned(bool written, bool gone) {
    std::shared_ptr<StreamCall> last;
    MutexLock lock(mutex_);
    --pending_;
    if (written) busy_ = false;
    if (gone) gone_ = true;
    Pump();
    if (pending_ == 0) last = std::move(self_);
  }

  void Pump() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (busy_ || finished_ || source_ == nullptr) return;
    std::optional<absl::Status> end;
    if (gone_) {
      end = absl::CancelledError("the client has gone");
    } else if (const std::shared_ptr<const Response> message = source_->Next()) {
      busy_ = true;
      ++pending_;
      writer_.Write(*message, &write_op_);
      return;
    } else {
      end = source_->End();
    }
    if (!end) return;
    finished_ = true;
    ++pending_;
    source_.reset();
    LogEnd(*end);
    writer_.Finish(ToGrpc(*end), &finish_op_);
  }

  void LogEnd(const absl::Status& end) {
    const MonoClock::duration time = MonoClock::now() - began_;
    span_->End(end);
    watchers_.metrics->Handled(name_, end.code(), time);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
    const std::string code = absl::StatusCodeToString(end.code());
    const LogLevel level = end.ok() || absl::IsCancelled(end) ? line_.level : LogLevel::kWarning;
    const OwnedLogFields subject = line_.subject ? line_.subject(request_) : OwnedLogFields();
    std::vector<LogField> more = {{"us", micros}, {"code", code}};
    if (!end.ok()) more.emplace_back("error", end.message());
    Log(level, name_.method, subject, more);
  }

  const RpcName name_;
  const RpcWatchers watchers_;
  const Ask ask_;
  const Open open_;
  const Line line_;
  grpc::ServerContext context_;
  Request request_;
  Writer writer_{&context_};
  MonoTime began_;
  std::optional<RpcSpan> span_;  // since then

  CompletionOp accept_op_{[this](bool ok) { Accepted(ok); }};
  CompletionOp write_op_{[this](bool ok) { Written(ok); }};
  CompletionOp finish_op_{[this](bool) { Finished(); }};
  CompletionOp done_op_{[this](bool) { Done(); }};

  Mutex mutex_;
  std::shared_ptr<StreamCall> self_;
  Source source_ ABSL_GUARDED_BY(mutex_);
  int pending_ ABSL_GUARDED_BY(mutex_) = 0;  // operations that gRPC has not returned
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
};

// Waits for calls of GetContainerEvents. Each is answered with the events of a subscription of its own.
template <typename Service>
void AcceptEvents(const Edge& edge, Service* service, grpc::ServerCompletionQueue* queue, EventHub* hub) {
  using Stream = StreamCall<cri::GetEventsRequest, cri::ContainerEventResponse>;
  Stream::Accept(
      edge.NameOf("GetContainerEvents"), edge.watchers(),
      [=](grpc::ServerContext* context, cri::GetEventsRequest* request, Stream::Writer* writer, void* tag) {
        service->RequestGetContainerEvents(context, request, writer, queue, queue, tag);
      },
      [=](const cri::GetEventsRequest&, std::function<void()> wake) -> Stream::Source {
        return std::make_unique<EventSource>(hub->Subscribe(std::move(wake)));
      });
}

// What the calls of streamed lists share. All must outlive them.
struct ListServing {
  grpc::ServerCompletionQueue* queue;
  WorkerPool* workers;  // builds the lists
  Edge* edge;
  size_t chunk_bytes;  // of a message
};

// Waits for calls of the method that `ask`, Request<Method> of the generated service, asks gRPC for. Each is answered
// with what `list` returns for its request; `field` returns the repeated field of a message that holds the items.
template <typename Service, typename Method, typename Request, typename Response, typename List, typename Field>
void AcceptList(absl::string_view method, const ListServing& serving, Service* service,
                void (Method::*ask)(grpc::ServerContext*, Request*, grpc::ServerAsyncWriter<Response>*,
                                    grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*),
                const List& list, const Field& field) {
  using Stream = StreamCall<Request, Response>;
  Stream::Accept(
      serving.edge->NameOf(method), serving.edge->watchers(),
      [=](grpc::ServerContext* context, Request* request, typename Stream::Writer* writer, void* tag) {
        (service->*ask)(context, request, writer, serving.queue, serving.queue, tag);
      },
      [=](const Request& request, std::function<void()> wake) -> typename Stream::Source {
        serving.edge->unknown_fields().Look(method, request);
        auto build = [=] { return InChunks<Response>(list(request), serving.chunk_bytes, field); };
        return ListSource<Response>::Start(serving.workers, std::move(build), std::move(wake));
      });
}

}  // namespace crisp
