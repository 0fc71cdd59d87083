// LayerLeases: which layers are in use by operations under way, and must therefore not be garbage collected.
//
// Thread-safe. A LayerLease may outlive the LayerLeases object that made it.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace crisp {

struct LeaseTable;

// Keeps layers from being collected for as long as it lives. Movable; thread-compatible.
class LayerLease {
 public:
  LayerLease() = default;
  LayerLease(std::shared_ptr<LeaseTable> table, std::vector<std::string> chain_ids);
  LayerLease(LayerLease&&) = default;
  LayerLease& operator=(LayerLease&& other) noexcept;
  ~LayerLease();

  const std::vector<std::string>& chain_ids() const { return chain_ids_; }  // lowest first

 private:
  void Release();

  std::shared_ptr<LeaseTable> table_;
  std::vector<std::string> chain_ids_;
};

class LayerLeases {
 public:
  LayerLeases();

  // Takes a lease on layers whether or not they exist: a layer found while the lease is held cannot go away.
  LayerLease Take(std::vector<std::string> chain_ids) const;
  bool IsHeld(const std::string& chain_id) const;

 private:
  const std::shared_ptr<LeaseTable> table_;
};

}  // namespace crisp
