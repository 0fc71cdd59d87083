// System calls without a C library. Results are the kernel's: an errno value, negated, for an error.
#pragma once

#include <asm/unistd.h>

#include <cstddef>
#include <cstdint>

namespace crisp::exec_helper {

template <typename T>
inline long Word(T value) {
  return static_cast<long>(value);
}
template <typename T>
inline long Word(T* pointer) {
  return reinterpret_cast<long>(pointer);
}
inline long Word(decltype(nullptr)) {
  return 0;
}

inline long SystemCall(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  long result = number;
  asm volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#else
#error "the exec helper has not been written for this architecture"
#endif
}

template <typename A = long, typename B = long, typename C = long, typename D = long, typename E = long,
          typename F = long>
inline long Call(long number, A a = 0, B b = 0, C c = 0, D d = 0, E e = 0, F f = 0) {
  return SystemCall(number, Word(a), Word(b), Word(c), Word(d), Word(e), Word(f));
}

}  // namespace crisp::exec_helper
