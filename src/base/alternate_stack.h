// AlternateStack: a stack on which the calling thread handles its own stack overflow (sigaltstack(2)). Untouched, it
// takes address space and no memory.
#pragma once

#include <signal.h>
#include <sys/mman.h>

#include <cstddef>

namespace crisp {

// Lives and ends on one thread. Without memory for it the thread goes on without.
class AlternateStack {
 public:
  AlternateStack() : memory_(mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
    stack_t stack{};
    stack.ss_sp = memory_;
    stack.ss_size = kSize;
    if (memory_ != MAP_FAILED) sigaltstack(&stack, &before_);
  }
  ~AlternateStack() {
    if (memory_ == MAP_FAILED) return;
    sigaltstack(&before_, nullptr);
    munmap(memory_, kSize);
  }
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;

 private:
  // Abseil's symbolizer and the unwinder need tens of KiB.
  static constexpr size_t kSize = 128 << 10;
  void* const memory_;
  stack_t before_{};
};

}  // namespace crisp
