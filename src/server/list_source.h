// ListSource: the messages of a streamed list, which a worker builds while the event thread serves other calls.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "base/worker_pool.h"
#include "server/message_source.h"

namespace crisp {

// `items` in messages of at most `limit` bytes each; an item that is bigger has a message of its own. `field` returns
// the repeated field of a message that holds the items.
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

template <typename Response>
class ListSource final : public MessageSource<Response> {
 public:
  using Build = std::function<std::vector<Response>()>;

  // Runs `build` on one of `workers`, then calls `wake`, from any thread. A list whose source was destroyed before it
  // was its turn is not built. ResourceExhausted, as the end of the stream, if `workers` refuses it.
  static std::unique_ptr<ListSource> Start(WorkerPool* workers, Build build, std::function<void()> wake) {
    auto list = std::make_shared<List>();
    const bool accepted =
        workers->TryRun([weak = std::weak_ptr<List>(list), build = std::move(build), wake = std::move(wake)] {
          const std::shared_ptr<List> wanted = weak.lock();
          if (wanted == nullptr) return;
          std::vector<Response> messages = build();
          {
            const MutexLock lock(wanted->mutex);
            wanted->messages = std::move(messages);
            wanted->end = absl::OkStatus();
          }
          wake();
        });
    if (!accepted) {
      const MutexLock lock(list->mutex);
      list->end = absl::ResourceExhaustedError("too many lists are asked for at once; try again later");
    }
    return std::unique_ptr<ListSource>(new ListSource(std::move(list)));
  }

  std::shared_ptr<const Response> Next() override {
    const MutexLock lock(list_->mutex);
    if (next_ == list_->messages.size()) return nullptr;
    return std::make_shared<const Response>(std::move(list_->messages[next_++]));
  }
  std::optional<absl::Status> End() override {
    const MutexLock lock(list_->mutex);
    return list_->end;
  }

 private:
  struct List {
    Mutex mutex;
    std::vector<Response> messages ABSL_GUARDED_BY(mutex);
    std::optional<absl::Status> end ABSL_GUARDED_BY(mutex);  // nothing until the list is built
  };

  explicit ListSource(std::shared_ptr<List> list) : list_(std::move(list)) {}

  const std::shared_ptr<List> list_;
  size_t next_ = 0;
};

}  // namespace crisp
