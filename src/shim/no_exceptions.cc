// The functions that the standard library calls to throw. Because they are defined here, the linker leaves out
// libstdc++'s exception machinery (unwinder, demangler, locales, verbose terminate), which would be most of the
// program. The shim catches nothing: each of these means a bug of its own or a machine without memory.
#include <cstdlib>
#include <new>

namespace std {
[[noreturn]] void __throw_length_error(const char*) {
  abort();
}
[[noreturn]] void __throw_logic_error(const char*) {
  abort();
}
[[noreturn]] void __throw_out_of_range(const char*) {
  abort();
}
[[noreturn]] void __throw_out_of_range_fmt(const char*, ...) {
  abort();
}
[[noreturn]] void __throw_bad_alloc() {
  abort();
}
[[noreturn]] void __throw_bad_array_new_length() {
  abort();
}
[[noreturn]] void __throw_bad_function_call() {
  abort();
}
[[noreturn]] void __throw_bad_optional_access() {
  abort();
}
}  // namespace std

void* operator new(size_t size) {
  void* memory = malloc(size == 0 ? 1 : size);
  if (memory == nullptr) abort();
  return memory;
}
void operator delete(void* memory) noexcept {
  free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  free(memory);
}

extern "C" [[noreturn]] void __cxa_pure_virtual() {
  abort();
}
