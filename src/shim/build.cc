#include "shim/build.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include <string_view>

namespace crisp::shim {
namespace {

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text.push_back(kDigits[static_cast<unsigned char>(byte) >> 4]);
    text.push_back(kDigits[static_cast<unsigned char>(byte) & 15]);
  }
  return text;
}

constexpr size_t Aligned(size_t size) {
  return (size + 3) & ~size_t{3};
}

// The build id among the notes of one segment (elf(5), "Notes"); empty if it is not there.
std::string_view FindBuildId(std::string_view notes) {
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    memcpy(&note, notes.data(), sizeof(note));
    const size_t name_at = sizeof(note);
    const size_t content_at = name_at + Aligned(note.n_namesz);
    const size_t end = content_at + Aligned(note.n_descsz);
    if (end > notes.size()) break;
    const bool gnu = notes.substr(name_at, note.n_namesz) == std::string_view("GNU", 4);
    if (gnu && note.n_type == NT_GNU_BUILD_ID) return notes.substr(content_at, note.n_descsz);
    notes.remove_prefix(end);
  }
  return {};
}

std::string_view OwnBuildId() {
  const auto* const headers = reinterpret_cast<const ElfW(Phdr)*>(getauxval(AT_PHDR));
  const size_t count = getauxval(AT_PHNUM);
  ElfW(Addr) moved = 0;  // by how much the program was moved when it was loaded
  for (size_t i = 0; i < count; ++i) {
    if (headers[i].p_type == PT_PHDR) moved = reinterpret_cast<ElfW(Addr)>(headers) - headers[i].p_vaddr;
  }
  for (size_t i = 0; i < count; ++i) {
    if (headers[i].p_type != PT_NOTE) continue;
    const auto* const notes = reinterpret_cast<const char*>(moved + headers[i].p_vaddr);
    if (const std::string_view id = FindBuildId({notes, headers[i].p_memsz}); !id.empty()) return id;
  }
  return {};
}

}  // namespace

std::string BuildName() {
  const std::string_view id = OwnBuildId();
  return std::string(CRISP_VERSION " ") + (id.empty() ? "unknown" : Hex(id));
}

}  // namespace crisp::shim
