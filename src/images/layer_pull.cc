#include "images/layer_pull.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/step_log.h"
#include "base/thread.h"
#include "images/image_counters.h"
#include "images/layer_limits.h"
#include "images/layer_unpack.h"
#include "images/pull_progress.h"
#include "os/errno_status.h"
#include "os/file.h"

namespace crisp {
namespace {

constexpr char kForeign[] =
    "it is a foreign layer, which this registry does not have, and crisp asks no other one: push the image with its "
    "layers";

}  // namespace

LayerPull::LayerPull(const std::vector<LayerDescriptor>& layers, const std::vector<std::string>& chain_ids,
                     LayerSource* source, int parallel, const CallContext* call, const Layout* layout,
                     LayerCatalog* catalog, FlightBoard* board, ImageCounters* counters, StepLog* log,
                     PullProgress* progress)
    : layers_(layers),
      chain_ids_(chain_ids),
      source_(source),
      parallel_(parallel <= 0 ? layers.size() : static_cast<size_t>(parallel)),
      call_(call),
      layout_(layout),
      catalog_(catalog),
      board_(board),
      counters_(counters),
      log_(log),
      progress_(progress),
      flight_call_(FlightCall(log)),
      told_(layers.size(), 0) {
  if (progress_ != nullptr) progress_->AddLayers(layers);
}

CallContext LayerPull::FlightCall(StepLog* log) const {
  const CallContext call(call_->deadline(), [this] { return given_up_ || !call_->Check().ok(); });
  return log != nullptr ? call.LoggedIn(log) : call;
}

absl::Status LayerPull::Run() {
  TellThere();
  while (Step()) {
    if (progress_ != nullptr) progress_->LogIfLong();
  }
  for (auto& [layer, thread] : threads_) thread.join();
  MutexLock lock(board_->mutex);
  return status_;
}

// What happens while the lock is not held is seen by the next call, before it waits.
bool LayerPull::Step() {
  MutexLock lock(board_->mutex);
  JoinLanded();
  if (status_.ok()) status_ = call_->Check();
  if (status_.ok()) status_ = StartWhatMay();
  if (!status_.ok() && !given_up_.exchange(true)) board_->changed.NotifyAll();
  if (running_ == 0 && (given_up_ || first_missing_ == layers_.size())) {
    if (status_.ok()) CountReused();
    return false;
  }
  board_->changed.WaitUntil(board_->mutex, given_up_ ? kNoDeadline : call_->NextLook());
  return true;
}

void LayerPull::TellThere() {
  MutexLock lock(board_->mutex);
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (IsThere(i)) TellThere(i);
  }
}

// Not of a layer of this pull's own, which tells more.
void LayerPull::TellThere(size_t layer) {
  if (progress_ == nullptr || told_[layer] != 0) return;
  told_[layer] = 1;
  progress_->SetLayer(layer, PullPart::State::kExists);
}

// Those that another pull has unpacked meanwhile count as reused too.
void LayerPull::CountReused() {
  counters_->layers_reused.Add(layers_.size() - started_);
}

// A thread keeps its stack until it is joined, and an image can have hundreds of layers.
void LayerPull::JoinLanded() {
  for (const size_t layer : landed_) {
    threads_.at(layer).join();
    threads_.erase(layer);
  }
  landed_.clear();
}

absl::Status LayerPull::StartWhatMay() {
  while (first_missing_ < layers_.size() && IsThere(first_missing_)) TellThere(first_missing_++);
  for (size_t i = first_missing_; i < layers_.size(); ++i) {
    const bool enough = running_ >= parallel_ || board_->flights.size() >= kMostLayersAtOnce;
    if (enough && i != first_missing_) break;
    if (IsInFlight(i) || IsThere(i)) continue;
    told_[i] = 1;
    if (progress_ != nullptr) progress_->SetLayer(i, PullPart::State::kReceiving);
    ASSIGN_OR_RETURN(std::thread thread, StartThread(absl::StrCat("layer ", layers_[i].digest), [this, i] { Fly(i); }));
    // The new thread needs the lock that is held here, so it cannot end before it is on the board.
    threads_[i] = std::move(thread);
    board_->flights[chain_ids_[i]] = {layers_[i].diff_id};
    ++running_;
    ++started_;
  }
  return absl::OkStatus();
}

// On this base, or on another where it may be the same.
bool LayerPull::IsInFlight(size_t layer) const {
  for (const auto& [chain_id, flight] : board_->flights) {
    if (chain_id == chain_ids_[layer] || (flight.diff_id == layers_[layer].diff_id && !flight.needs_below)) return true;
  }
  return false;
}

void LayerPull::Fly(size_t layer) {
  const std::string name = catalog_->NewName();
  absl::Status status = Unpack(layer, name);
  if (!status.ok()) status = Join(status, RemoveTree(layout_->Ingest(name)));
  MutexLock lock(board_->mutex);
  board_->flights.erase(chain_ids_[layer]);
  --running_;
  if (!status.ok() && status_.ok()) {
    // If the call has ended, report that rather than its symptom in the layer.
    const absl::Status gone = call_->Check();
    if (absl::IsNotFound(status) && layers_[layer].foreign) status = Annotate(status, kForeign);
    status_ = gone.ok() ? Annotate(status, absl::StrCat("layer ", layers_[layer].digest)) : gone;
  }
  landed_.push_back(layer);
  board_->changed.NotifyAll();
}

absl::Status LayerPull::Unpack(size_t layer, const std::string& name) {
  const LayerDescriptor& descriptor = layers_[layer];
  const std::string path = layout_->Ingest(name);
  if (mkdir(path.c_str(), 0700) != 0) return ErrnoStatus(errno, absl::StrCat("make directory ", path));
  ASSIGN_OR_RETURN(const Fd directory, OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(Fd root, OpenAt(AT_FDCWD, path, O_RDONLY | O_DIRECTORY));
  const MonoTime start = MonoClock::now();
  const auto below = [this, layer] { return WaitForLower(layer); };
  const auto fetched = [this, layer, start] { Done("fetch", layer, start); };
  ASSIGN_OR_RETURN(const LayerTotals totals,
                   UnpackLayer(descriptor, *source_, std::move(root), below, RingBytes(), fetched, flight_call_));
  Done("unpack", layer, start);
  counters_->unpack_times.Add(MonoClock::now() - start);
  RETURN_IF_ERROR(flight_call_.Check());
  const MonoTime unpacked = MonoClock::now();
  const std::string id = totals.independent ? AnyBaseId(descriptor.diff_id) : chain_ids_[layer];
  RETURN_IF_ERROR(
      catalog_->Add({id, name, descriptor.diff_id, descriptor.size, totals.bytes, totals.inodes}, directory.get()));
  Done("commit", layer, unpacked);
  if (progress_ != nullptr) progress_->SetLayer(layer, PullPart::State::kDone);
  counters_->layers_unpacked.Add();
  counters_->written_bytes.Add(totals.bytes);
  return absl::OkStatus();
}

void LayerPull::Done(absl::string_view step, size_t layer, MonoTime since) {
  if (log_ != nullptr) log_->Done(step, since, {{"layer", layers_[layer].digest}});
}

absl::StatusOr<LowerView> LayerPull::WaitForLower(size_t layer) {
  {
    MutexLock lock(board_->mutex);
    board_->flights[chain_ids_[layer]].needs_below = true;
    board_->changed.NotifyAll();
    while (true) {
      RETURN_IF_ERROR(flight_call_.Check());
      size_t there = 0;
      while (there < layer && IsThere(there)) ++there;
      if (there == layer) break;
      board_->changed.WaitUntil(board_->mutex, flight_call_.NextLook());
    }
  }
  std::vector<std::string> directories;
  for (size_t i = layer; i-- > 0;) {
    const std::optional<LayerRow> row = catalog_->Find(chain_ids_[i], layers_[i].diff_id);
    if (!row.has_value()) return absl::InternalError("a layer below has disappeared");
    directories.push_back(layout_->Layer(row->name));
  }
  return LowerView(std::move(directories));
}

size_t LayerPull::RingBytes() const {
  return std::min(kRingBytes, kRingBudgetBytes / std::max<size_t>(1, std::min(parallel_, layers_.size())));
}

}  // namespace crisp
