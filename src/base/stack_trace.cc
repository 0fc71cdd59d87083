#include "base/stack_trace.h"

#include <elf.h>
#include <execinfo.h>
#include <link.h>
#include <ucontext.h>

#include <algorithm>
#include <array>

#include "absl/debugging/symbolize.h"
#include "absl/strings/escaping.h"

namespace crisp {
namespace {

constexpr int kMostFrames = 64;

const mcontext_t& MachineOf(const void* context) {
  return static_cast<const ucontext_t*>(context)->uc_mcontext;
}

// The instruction that was interrupted.
uintptr_t PcOf(const void* context) {
#if defined(__x86_64__)
  return static_cast<uintptr_t>(MachineOf(context).gregs[REG_RIP]);
#elif defined(__aarch64__)
  return MachineOf(context).pc;
#else
#error "name the register of the program counter"
#endif
}

// Where a function that has just been called returns to.
uintptr_t CallerOf(const void* context) {
#if defined(__x86_64__)
  return *reinterpret_cast<const uintptr_t*>(MachineOf(context).gregs[REG_RSP]);
#elif defined(__aarch64__)
  return MachineOf(context).regs[30];
#endif
}

absl::string_view BaseName(absl::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

// Notes are sequences of Elf64_Nhdr, name and content, the latter two filled up to 4 bytes (elf(5)).
std::string BuildIdIn(const char* note, size_t size) {
  const auto padded = [](size_t length) { return (length + 3) & ~size_t{3}; };
  while (size >= sizeof(ElfW(Nhdr))) {
    const auto& header = *reinterpret_cast<const ElfW(Nhdr)*>(note);
    const char* const name = note + sizeof(header);
    const char* const content = name + padded(header.n_namesz);
    const size_t length = sizeof(header) + padded(header.n_namesz) + padded(header.n_descsz);
    if (length > size) break;
    if (header.n_type == NT_GNU_BUILD_ID && absl::string_view(name, header.n_namesz) == absl::string_view("GNU", 4)) {
      return absl::BytesToHexString(absl::string_view(content, header.n_descsz));
    }
    note += length;
    size -= length;
  }
  return "";
}

}  // namespace

StackTrace::StackTrace() {
  absl::InitializeSymbolizer("/proc/self/exe");
  void* unused = nullptr;
  backtrace(&unused, 1);  // loads libgcc_s
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* data) {
        auto* const self = static_cast<StackTrace*>(data);
        // The first is the program itself, and has no name.
        Module module{info->dlpi_addr, UINTPTR_MAX, 0, std::string(BaseName(info->dlpi_name))};
        if (self->modules_.empty()) module.name = program_invocation_short_name;
        for (int i = 0; i < info->dlpi_phnum; ++i) {
          const ElfW(Phdr)& segment = info->dlpi_phdr[i];
          const uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
          if (segment.p_type == PT_LOAD) {
            module.begin = std::min(module.begin, begin);
            module.end = std::max<uintptr_t>(module.end, begin + segment.p_memsz);
          } else if (segment.p_type == PT_NOTE && self->modules_.empty() && self->build_id_.empty()) {
            self->build_id_ = BuildIdIn(reinterpret_cast<const char*>(begin), segment.p_memsz);
          }
        }
        self->modules_.push_back(std::move(module));
        return 0;
      },
      this);
}

void StackTrace::ForEach(const void* context, void (*line)(absl::string_view, void*), void* data) const {
  std::array<void*, kMostFrames> frames{};
  const auto end = frames.begin() + backtrace(frames.data(), kMostFrames);
  int number = 0;
  const auto tell = [&](uintptr_t pc, bool returns_here) {
    SignalText text;
    Describe(number++, pc, returns_here, &text);
    line(text.text(), data);
  };
  // The frames of the handler come first. Those of a function that does not exist are not to be found.
  const uintptr_t interrupted = PcOf(context);
  auto frame = std::find(frames.begin(), end, reinterpret_cast<void*>(interrupted));
  if (frame == end) {
    tell(interrupted, /*returns_here=*/false);
    if (ModuleOf(interrupted) == nullptr) tell(CallerOf(context), /*returns_here=*/true);
    return;
  }
  for (; frame < end; ++frame) {
    const auto pc = reinterpret_cast<uintptr_t>(*frame);
    tell(pc, /*returns_here=*/pc != interrupted);
  }
}

const StackTrace::Module* StackTrace::ModuleOf(uintptr_t pc) const {
  const auto found = std::find_if(modules_.begin(), modules_.end(),
                                  [pc](const Module& each) { return each.begin <= pc && pc < each.end; });
  return found == modules_.end() ? nullptr : &*found;
}

// A return address may be behind the last instruction of a function that does not return.
void StackTrace::Describe(int number, uintptr_t pc, bool returns_here, SignalText* text) const {
  (*text << "#" << number << " ").Hex(pc);
  const Module* const module = ModuleOf(pc);
  if (module == nullptr) return;
  (*text << " " << module->name << "+").Hex(pc - module->base);
  std::array<char, 512> symbol{};
  if (absl::Symbolize(reinterpret_cast<const void*>(pc - (returns_here ? 1 : 0)), symbol.data(), symbol.size())) {
    *text << " " << symbol.data();
  }
}

}  // namespace crisp
