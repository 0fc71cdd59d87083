// LayerPull: one Unpack at work. Starts layers lowest first, as many at once as it may, and waits until all are there.
//
// No deadlock: a layer that waits for its parents keeps its place among those that run, and waits only for lower ones;
// the lowest that is missing is always started, over the limit if need be, so there is always one that can go on.
//
// Threading: Run is called once. `board` is shared by all pulls of a store.
#pragma once

#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/call.h"
#include "base/mutex.h"
#include "images/layer_catalog.h"
#include "images/layer_store.h"
#include "images/lower_view.h"
#include "store/layout.h"

namespace crisp {

// The layers in flight, of all pulls.
struct FlightBoard {
  Mutex mutex;
  CondVar changed;  // a flight has ended, or a pull was given up
  std::set<std::string> chain_ids ABSL_GUARDED_BY(mutex);
};

class LayerPull {
 public:
  // All must outlive it.
  LayerPull(const std::vector<LayerDescriptor>& layers, const std::vector<std::string>& chain_ids, LayerSource* source,
            int parallel, const Call* call, const Layout* layout, LayerCatalog* catalog, FlightBoard* board);

  // Returns when every layer is there, or, after the first error, when none of its own is running any more.
  absl::Status Run();

 private:
  bool IsThere(size_t layer) { return catalog_->Find(chain_ids_[layer]).has_value(); }
  absl::Status StartWhatMay() ABSL_EXCLUSIVE_LOCKS_REQUIRED(board_->mutex);
  void Fly(size_t layer);
  absl::Status Unpack(size_t layer, const std::string& name);
  absl::StatusOr<LowerView> WaitForLower(size_t layer);
  size_t RingBytes() const;

  const std::vector<LayerDescriptor>& layers_;
  const std::vector<std::string>& chain_ids_;
  LayerSource* const source_;
  const size_t parallel_;
  const Call* const call_;
  const Layout* const layout_;
  LayerCatalog* const catalog_;
  FlightBoard* const board_;

  std::atomic<bool> given_up_ = false;
  const Call flight_call_;  // over when the caller has gone or another layer has failed
  std::vector<std::thread> threads_;
  size_t first_missing_ ABSL_GUARDED_BY(board_->mutex) = 0;
  size_t running_ ABSL_GUARDED_BY(board_->mutex) = 0;
  absl::Status status_ ABSL_GUARDED_BY(board_->mutex);
};

}  // namespace crisp
