#include "stats/meter_set.h"

#include "absl/strings/str_cat.h"
#include "sandbox/container.h"
#include "sandbox/pod.h"

namespace crisp {
namespace {

std::string PauseKey(const std::string& pod_id) {
  return absl::StrCat(pod_id, "/pause");
}

std::shared_ptr<Meter> ClosedMeter() {
  auto meter = std::make_shared<Meter>();
  meter->Close();
  return meter;
}

}  // namespace

std::shared_ptr<Meter> MeterSet::OfPod(const Pod& pod) {
  MutexLock lock(mutex_);
  return Find(pod.id(), pod.ready());
}

std::shared_ptr<Meter> MeterSet::OfPause(const Pod& pod) {
  MutexLock lock(mutex_);
  return Find(PauseKey(pod.id()), pod.ready());
}

std::shared_ptr<Meter> MeterSet::OfContainer(const Container& container) {
  MutexLock lock(mutex_);
  return Find(container.id(), container.running());
}

// Whether the object lives is asked under the lock: Close comes after its end, and finds a meter that was made before.
std::shared_ptr<Meter> MeterSet::Find(const std::string& key, bool live) {
  if (!live) return ClosedMeter();
  std::shared_ptr<Meter>& meter = meters_[key];
  if (meter == nullptr) meter = std::make_shared<Meter>();
  return meter;
}

void MeterSet::ClosePod(const std::string& pod_id) {
  Close(pod_id);
  Close(PauseKey(pod_id));
}

void MeterSet::CloseContainer(const std::string& container_id) {
  Close(container_id);
}

// A reading may be under way; it ends before the meter is closed.
void MeterSet::Close(const std::string& key) {
  std::shared_ptr<Meter> meter;
  {
    MutexLock lock(mutex_);
    const auto found = meters_.find(key);
    if (found == meters_.end()) return;
    meter = found->second;
    meters_.erase(found);
  }
  meter->Close();
}

}  // namespace crisp
