#include "stats/meter.h"

#include <utility>

#include "base/log.h"

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

std::vector<LinkReading> Meter::ReadLinks(const std::string& netns_path) {
  MutexLock lock(mutex_);
  if (closed_ || netns_path.empty()) return {};
  if (links_ == nullptr) {
    auto opened = LinkStats::OpenIn(netns_path);
    if (!opened.ok()) {
      LogWarning("open the counters of a pod's interfaces",
                 {{"netns", netns_path}, {"error", opened.status().message()}});
      return {};
    }
    links_ = std::make_unique<LinkStats>(*std::move(opened));
  }
  auto links = links_->Read();
  if (links.ok()) return *std::move(links);
  links_.reset();
  LogWarning("read the counters of a pod's interfaces", {{"netns", netns_path}, {"error", links.status().message()}});
  return {};
}

void Meter::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  reader_.reset();
  links_.reset();
}

}  // namespace crisp
