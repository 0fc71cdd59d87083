// LayerPull: one call of LayerStore::Unpack. Starts layers lowest first, as many at once as allowed, and waits for all.
//
// A layer that another pull is unpacking on another base is waited for, since it may turn out to be the same on any
// base. As soon as it needs the layers below it, it is not, and is fetched again for this base.
//
// There is no deadlock: a running layer waits only for lower layers, and the lowest missing layer is always started,
// even beyond the limits, unless it waits for a layer on another base, which then waits for no layer at all. So at
// least one layer can always make progress.
//
// Threading: Run is called once. All pulls of a store share one FlightBoard.
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/call_context.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "images/layer_catalog.h"
#include "images/layer_source.h"
#include "images/lower_view.h"
#include "store/layout.h"

namespace crisp {

class PullProgress;
class StepLog;
struct ImageCounters;

// The layers that all pulls are unpacking at the moment.
struct FlightBoard {
  struct Flight {
    std::string diff_id;
    bool needs_below = false;  // the result depends on the layers below
  };

  Mutex mutex;
  CondVar changed;  // a layer has ended or needs those below, or a pull has failed
  std::map<std::string, Flight> flights ABSL_GUARDED_BY(mutex);  // by chain id
};

class LayerPull {
 public:
  // All arguments must outlive the object. `chain_ids` are those of `layers`; `parallel` of 0 or less: no limit. `log`
  // and `progress` may be null.
  LayerPull(const std::vector<LayerDescriptor>& layers, const std::vector<std::string>& chain_ids, LayerSource* source,
            int parallel, const CallContext* call, const Layout* layout, LayerCatalog* catalog, FlightBoard* board,
            ImageCounters* counters, StepLog* log, PullProgress* progress);

  // Returns once every layer exists or, after the first error, once none of this pull's own layers is running.
  absl::Status Run();

 private:
  // Starts what may start, and waits for something to happen. False if nothing is left to do.
  bool Step();
  bool IsThere(size_t layer) { return catalog_->Find(chain_ids_[layer], layers_[layer].diff_id).has_value(); }
  bool IsInFlight(size_t layer) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(board_->mutex);
  absl::Status StartWhatMay() ABSL_EXCLUSIVE_LOCKS_REQUIRED(board_->mutex);
  void Fly(size_t layer);
  void TellThere();
  void TellThere(size_t layer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(board_->mutex);
  void CountReused() ABSL_EXCLUSIVE_LOCKS_REQUIRED(board_->mutex);
  void JoinLanded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(board_->mutex);
  absl::Status Unpack(size_t layer, const std::string& name);
  absl::StatusOr<LowerView> WaitForLower(size_t layer);
  size_t RingBytes() const;
  CallContext FlightCall(StepLog* log) const;
  void Done(absl::string_view step, size_t layer, MonoTime since);

  const std::vector<LayerDescriptor>& layers_;
  const std::vector<std::string>& chain_ids_;
  LayerSource* const source_;
  const size_t parallel_;
  const CallContext* const call_;
  const Layout* const layout_;
  LayerCatalog* const catalog_;
  FlightBoard* const board_;
  ImageCounters* const counters_;
  StepLog* const log_;
  PullProgress* const progress_;

  std::atomic<bool> given_up_ = false;
  const CallContext flight_call_;          // ends when the call of the pull ends or another layer has failed
  std::map<size_t, std::thread> threads_;  // by layer
  std::vector<char> told_ ABSL_GUARDED_BY(board_->mutex);      // layers of which progress_ has been told
  std::vector<size_t> landed_ ABSL_GUARDED_BY(board_->mutex);  // layers whose threads need the lock no more
  size_t first_missing_ ABSL_GUARDED_BY(board_->mutex) = 0;
  size_t running_ ABSL_GUARDED_BY(board_->mutex) = 0;
  size_t started_ ABSL_GUARDED_BY(board_->mutex) = 0;  // layers
  absl::Status status_ ABSL_GUARDED_BY(board_->mutex);
};

}  // namespace crisp
