#include "exec_helper/capabilities.h"

#include <linux/capability.h>
#include <linux/prctl.h>

#include "exec_helper/report.h"
#include "exec_helper/syscalls.h"

namespace crisp::exec_helper {
namespace {

constexpr int kMaxCapabilities = 64;

bool Has(uint64_t set, int number) {
  return (set >> number & 1) != 0;
}

uint32_t Half(uint64_t set, int half) {
  return static_cast<uint32_t>(set >> (32 * half));
}

}  // namespace

void LimitCapabilities(uint64_t bounding) {
  for (int number = 0; number < kMaxCapabilities; ++number) {
    const long known = Call(__NR_prctl, PR_CAPBSET_READ, number, 0L, 0L, 0L);
    if (known < 0) return;  // the kernel has no more
    if (known == 0 || Has(bounding, number)) continue;
    Must(ExecReport::kCapabilities, Call(__NR_prctl, PR_CAPBSET_DROP, number, 0L, 0L, 0L));
  }
}

void SetCapabilities(const shim::ExecPlan& plan) {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct sets[2]{};
  for (int half = 0; half < 2; ++half) {
    sets[half].effective = Half(plan.effective, half);
    sets[half].permitted = Half(plan.permitted, half);
    sets[half].inheritable = Half(plan.inheritable, half);
  }
  Must(ExecReport::kCapabilities, Call(__NR_capset, &header, &sets[0]));
  Must(ExecReport::kCapabilities, Call(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L));
  for (int number = 0; number < kMaxCapabilities; ++number) {
    // One that is not permitted and inheritable cannot be ambient; the OCI runtime passes it over too.
    if (Has(plan.ambient, number)) Call(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0L, 0L);
  }
}

}  // namespace crisp::exec_helper
