// StreamCall: one call that is answered by a stream of messages, on gRPC's asynchronous API.
//
// Ownership: a call owns itself from Accept until gRPC has given back the last of its operations.
// Threading: gRPC's events come on the one thread of LongCalls; Wake may be called from any. One message at a time is
//   under way: the next is asked for when gRPC has taken it, which a client that does not read puts off. So nothing
//   grows here, and what waits to be sent is bounded by its source.
#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "server/edge.h"

namespace crisp {

// What gRPC's events carry as their tag.
struct LongOp {
  std::function<void(bool ok)> run;
};

// Where the messages of a call come from. Used by one thread at a time.
template <typename Response>
class MessageSource {
 public:
  virtual ~MessageSource() = default;
  // Null: none now.
  virtual std::shared_ptr<const Response> Next() = 0;
  // How the call ends; nothing as long as there may be a message yet.
  virtual std::optional<absl::Status> End() = 0;
};

// Messages that are all there from the beginning.
template <typename Response>
class ListSource final : public MessageSource<Response> {
 public:
  explicit ListSource(std::vector<Response> messages) : messages_(std::move(messages)) {}

  std::shared_ptr<const Response> Next() override {
    if (next_ == messages_.size()) return nullptr;
    return std::make_shared<const Response>(std::move(messages_[next_++]));
  }
  std::optional<absl::Status> End() override { return absl::OkStatus(); }

 private:
  std::vector<Response> messages_;
  size_t next_ = 0;
};

template <typename Request, typename Response>
class StreamCall final : public std::enable_shared_from_this<StreamCall<Request, Response>> {
 public:
  using Writer = grpc::ServerAsyncWriter<Response>;
  using Source = std::unique_ptr<MessageSource<Response>>;
  // `wake` is to be called when there is something after there was nothing. It may outlive the call.
  using Open = std::function<Source(const Request& request, std::function<void()> wake)>;
  // Asks gRPC for the next call of the method: Request<Method> of the generated service.
  using Ask = std::function<void(grpc::ServerContext*, Request*, Writer*, void* tag)>;

  // Waits for a call, serves it, and meanwhile waits for the next, until the server shuts down.
  static void Accept(absl::string_view method, const Ask& ask, const Open& open) {
    const auto call = std::make_shared<StreamCall>(method, ask, open);
    call->self_ = call;
    // To be asked for before the call is there. It comes only for a call that has begun.
    call->context_.AsyncNotifyWhenDone(&call->done_op_);
    ask(&call->context_, &call->request_, &call->writer_, &call->accept_op_);
  }

  StreamCall(absl::string_view method, Ask ask, Open open)
      : method_(method), ask_(std::move(ask)), open_(std::move(open)) {}

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
    Accept(method_, ask_, open_);
    began_ = MonoClock::now();
    const std::weak_ptr<StreamCall> weak = this->weak_from_this();
    // Not under the lock: the source may wake us at once.
    Source source = open_(request_, [weak] {
      if (const auto call = weak.lock()) call->Wake();
    });
    MutexLock lock(mutex_);
    source_ = std::move(source);
    pending_ = 2;  // this, and the end of the call
    busy_ = true;
    // At once, so that a client knows that from now on it will hear everything.
    writer_.SendInitialMetadata(&write_op_);
  }

  void Written(bool ok) { Returned(/*written=*/true, /*gone=*/!ok); }
  void Finished() { Returned(false, false); }
  void Done() { Returned(false, context_.IsCancelled()); }

  // After every operation that comes back; after the last of them the call is deleted.
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

  void LogEnd(const absl::Status& end) const {
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(MonoClock::now() - began_).count();
    const std::string code = absl::StatusCodeToString(end.code());
    const LogLevel level = end.ok() || absl::IsCancelled(end) ? LogLevel::kDebug : LogLevel::kWarning;
    Log(level, method_, {{"us", micros}, {"code", code}, {"error", end.message()}});
  }

  const absl::string_view method_;
  const Ask ask_;
  const Open open_;
  grpc::ServerContext context_;
  Request request_;
  Writer writer_{&context_};
  MonoTime began_;

  LongOp accept_op_{[this](bool ok) { Accepted(ok); }};
  LongOp write_op_{[this](bool ok) { Written(ok); }};
  LongOp finish_op_{[this](bool) { Finished(); }};
  LongOp done_op_{[this](bool) { Done(); }};

  Mutex mutex_;
  std::shared_ptr<StreamCall> self_;
  Source source_ ABSL_GUARDED_BY(mutex_);
  int pending_ ABSL_GUARDED_BY(mutex_) = 0;  // operations that gRPC has not given back
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool gone_ ABSL_GUARDED_BY(mutex_) = false;
};

// `items` in as many messages as it takes, each of at most `limit` bytes; an item that is bigger has one of its own.
// `field` gives the field of a message that they go into.
template <typename Response, typename Item, typename Field>
std::vector<Response> InChunks(std::vector<Item> items, size_t limit, const Field& field) {
  std::vector<Response> messages;
  size_t filled = 0;
  for (Item& item : items) {
    constexpr size_t kTagAndLength = 8;
    const size_t size = item.ByteSizeLong() + kTagAndLength;
    if (messages.empty() || filled + size > limit) {
      messages.emplace_back();
      filled = 0;
    }
    filled += size;
    *field(messages.back())->Add() = std::move(item);
  }
  return messages;
}

// Answers the method that `ask`, Request<Method> of the generated service, asks gRPC for, with all that `list` returns
// for the request, in chunks of `chunk_bytes`.
template <typename Service, typename Method, typename Request, typename Response, typename List, typename Field>
void AcceptList(absl::string_view method, Service* service,
                void (Method::*ask)(grpc::ServerContext*, Request*, grpc::ServerAsyncWriter<Response>*,
                                    grpc::CompletionQueue*, grpc::ServerCompletionQueue*, void*),
                grpc::ServerCompletionQueue* queue, size_t chunk_bytes, const List& list, const Field& field) {
  using Stream = StreamCall<Request, Response>;
  Stream::Accept(
      method,
      [=](grpc::ServerContext* context, Request* request, typename Stream::Writer* writer, void* tag) {
        (service->*ask)(context, request, writer, queue, queue, tag);
      },
      [=](const Request& request, const std::function<void()>&) -> typename Stream::Source {
        return std::make_unique<ListSource<Response>>(InChunks<Response>(list(request), chunk_bytes, field));
      });
}

}  // namespace crisp
