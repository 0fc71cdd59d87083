#include "stats/meter.h"

#include <utility>

#include "base/status_macros.h"

namespace crisp {

std::optional<uint64_t> CpuRate::Add(MonoTime now, uint64_t nanos) {
  if (last_ && now - last_->at < kShortest) return rate_;
  rate_.reset();
  if (last_ && nanos >= last_->nanos) {
    const double seconds = std::chrono::duration<double>(now - last_->at).count();
    rate_ = static_cast<uint64_t>(static_cast<double>(nanos - last_->nanos) / seconds);
  }
  last_ = Reading{now, nanos};
  return rate_;
}

CgroupReader* Meter::ReaderLocked(absl::FunctionRef<cgroup::Dirs()> place) {
  if (closed_) return nullptr;
  if (reader_ == nullptr) reader_ = std::make_unique<CgroupReader>(place());
  return reader_.get();
}

std::optional<MeterReading> Meter::Read(absl::FunctionRef<cgroup::Dirs()> place) {
  MutexLock lock(mutex_);
  CgroupReader* const reader = ReaderLocked(place);
  if (reader == nullptr) return std::nullopt;
  MeterReading reading;
  reading.usage = reader->Read();
  reading.at = WallNanos();
  if (reading.usage.cpu_nanos) reading.cpu_rate = rate_.Add(MonoClock::now(), *reading.usage.cpu_nanos);
  return reading;
}

std::optional<CgroupDetails> Meter::ReadDetails(absl::FunctionRef<cgroup::Dirs()> place) {
  MutexLock lock(mutex_);
  CgroupReader* const reader = ReaderLocked(place);
  if (reader == nullptr) return std::nullopt;
  return reader->ReadDetails();
}

absl::StatusOr<std::vector<LinkReading>> Meter::ReadLinks(const std::string& netns_path) {
  MutexLock lock(mutex_);
  if (closed_ || netns_path.empty()) return std::vector<LinkReading>();
  if (links_ == nullptr) {
    ASSIGN_OR_RETURN(LinkStats opened, LinkStats::OpenIn(netns_path), "open the counters of the pod's interfaces");
    links_ = std::make_unique<LinkStats>(std::move(opened));
  }
  auto links = links_->Read();
  if (!links.ok()) links_.reset();
  return links;
}

void Meter::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  reader_.reset();
  links_.reset();
}

}  // namespace crisp
