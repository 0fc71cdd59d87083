#include "images/layer_lease.h"

#include <map>
#include <utility>

#include "base/mutex.h"

namespace crisp {

// Shared by the store and its leases, so that a lease can outlive the store.
struct LeaseTable {
  Mutex mutex;
  std::map<std::string, int> holders ABSL_GUARDED_BY(mutex);  // leases by chain id
};

LayerLease::LayerLease(std::shared_ptr<LeaseTable> table, std::vector<std::string> chain_ids)
    : table_(std::move(table)), chain_ids_(std::move(chain_ids)) {
  MutexLock lock(table_->mutex);
  for (const std::string& chain_id : chain_ids_) ++table_->holders[chain_id];
}

LayerLease::~LayerLease() {
  Release();
}

LayerLease& LayerLease::operator=(LayerLease&& other) noexcept {
  if (this == &other) return *this;
  Release();
  table_ = std::move(other.table_);
  chain_ids_ = std::move(other.chain_ids_);
  return *this;
}

void LayerLease::Release() {
  const std::shared_ptr<LeaseTable> table = std::move(table_);
  if (table == nullptr) return;
  MutexLock lock(table->mutex);
  for (const std::string& chain_id : chain_ids_) {
    if (--table->holders[chain_id] == 0) table->holders.erase(chain_id);
  }
}

LayerLeases::LayerLeases() : table_(std::make_shared<LeaseTable>()) {}

LayerLease LayerLeases::Take(std::vector<std::string> chain_ids) const {
  return LayerLease(table_, std::move(chain_ids));
}

bool LayerLeases::IsHeld(const std::string& chain_id) const {
  MutexLock lock(table_->mutex);
  return table_->holders.contains(chain_id);
}

}  // namespace crisp
