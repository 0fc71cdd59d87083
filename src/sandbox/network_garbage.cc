#include "sandbox/network_garbage.h"

#include <string>
#include <vector>

#include "base/log.h"
#include "network/network.h"
#include "os/file.h"
#include "sandbox/pod.h"
#include "sandbox/pod_table.h"
#include "sandbox/records.h"

namespace crisp {
namespace {

constexpr char kFact[] = "network_garbage";
// Pods wait for their network meanwhile.
constexpr std::chrono::seconds kTimeout{10};
constexpr std::chrono::minutes kPause{1};

void Remember(Records* records, bool garbage) {
  const absl::Status saved = records->SetFact(kFact, garbage ? "yes" : "");
  if (!saved.ok()) LogError("cannot record whether CNI GC is due", {{"error", saved.message()}});
}

}  // namespace

NetworkGarbage::NetworkGarbage(const PodTable* table, Records* records, Network* network)
    : table_(table),
      records_(records),
      network_(network),
      noted_(records->Fact(kFact).value_or("").empty() ? 0 : 1),
      next_try_(MonoClock::now()) {}

void NetworkGarbage::Note() {
  {
    MutexLock lock(mutex_);
    ++noted_;
  }
  Remember(records_, true);
}

bool NetworkGarbage::IsDue() {
  MutexLock lock(mutex_);
  if (noted_ == 0 || MonoClock::now() < next_try_) return false;
  next_try_ = MonoClock::now() + kPause;
  return true;
}

void NetworkGarbage::Collect(const CallContext& call) {
  if (!IsDue()) return;
  int collected = 0;
  const auto valid = [&] {
    std::vector<std::string> plans;
    for (const PodPtr& pod : table_->All()) {
      pod->WithRecord([&](const PodRecord& record) {
        if (!record.cni_plan().empty() && Exists(record.netns_path())) plans.push_back(record.cni_plan());
      });
    }
    MutexLock lock(mutex_);
    collected = noted_;
    return plans;
  };
  const absl::Status status = network_->CollectGarbage(valid, call.Within(kTimeout));
  if (absl::IsNotFound(status)) return;
  if (!status.ok()) {
    LogWarning("CNI GC failed; plugins still hold addresses and rules of pods whose network was given up",
               {{"error", status.message()}});
    return;
  }
  LogInfo("CNI GC has released what plugins held for pods whose network was given up");
  {
    MutexLock lock(mutex_);
    noted_ -= collected;
    if (noted_ > 0) return;
  }
  Remember(records_, false);
}

}  // namespace crisp
