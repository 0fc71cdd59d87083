// StackTrace: the calls that have led to a crash, written down in a signal handler.
//
//   #0 0x55d0c41f32a1 crispd+0x1c4d5 crisp::PodRunner::RunOnce()
//
// An address is followed by its module and its offset there, which addr2line(1) takes, and by the function where the
// module's file has symbols. Frames are found by the unwinder of glibc (backtrace(3)), which needs no frame pointers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/signal_text.h"

namespace crisp {

class StackTrace {
 public:
  // What a handler could not find out: the modules that are loaded now, and the library of the unwinder.
  StackTrace();

  // GNU build id of the program, in hexadecimal; empty if it was linked without.
  const std::string& build_id() const { return build_id_; }

  // Calls `line` for each frame of what was interrupted, innermost first. `context` is the third argument of the signal
  // handler, which this is called in. Async-signal-safe.
  void ForEach(const void* context, void (*line)(absl::string_view line, void* data), void* data) const;

 private:
  struct Module {
    uintptr_t base, begin, end;  // addresses; offsets count from `base`
    std::string name;
  };

  const Module* ModuleOf(uintptr_t pc) const;  // null: none
  void Describe(int number, uintptr_t pc, bool returns_here, SignalText* text) const;

  std::vector<Module> modules_;
  std::string build_id_;
};

}  // namespace crisp
