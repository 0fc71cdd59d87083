// Where the kernel enters the program, and the functions that a compiler may call by itself.
#include "exec_helper/syscalls.h"

namespace crisp::exec_helper {

[[noreturn]] void Main();

}  // namespace crisp::exec_helper

extern "C" {

[[noreturn]] __attribute__((used)) void HelperMain() {
  crisp::exec_helper::Main();
}

void* memset(void* to, int value, size_t size) {
  auto* bytes = static_cast<volatile char*>(to);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(value);
  return to;
}

void* memcpy(void* to, const void* from, size_t size) {
  auto* bytes = static_cast<volatile char*>(to);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<const char*>(from)[i];
  return to;
}
}

#if defined(__x86_64__)
asm(".globl _start\n_start:\n  xor %ebp, %ebp\n  and $-16, %rsp\n  call HelperMain\n  hlt\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n  mov x29, #0\n  mov x30, #0\n  bl HelperMain\n  brk #0\n");
#endif
