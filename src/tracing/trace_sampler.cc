#include "tracing/trace_sampler.h"

namespace crisp {

// As Go's TraceIDRatioBased: the lower 8 bytes, without their last bit, against the ratio of 2^63.
bool TraceSampler::Samples(const TraceId& id, const TraceContext& parent) const {
  if (parent_based && parent.valid()) return parent.sampled;
  if (ratio >= 1) return true;
  if (!(ratio > 0)) return false;
  uint64_t low = 0;
  for (size_t i = 8; i < id.size(); ++i) low = low << 8 | id[i];
  return low >> 1 < static_cast<uint64_t>(ratio * static_cast<double>(1ULL << 63));
}

}  // namespace crisp
