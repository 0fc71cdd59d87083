// /etc/passwd and /etc/group of any image: no crash, and no id that is none.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "runtime/passwd.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto by_id = crisp::FindUserById(text, 1000);
  if (by_id && by_id->uid != 1000) abort();
  const auto by_name = crisp::FindUserByName(text, "a");
  if (by_name && (by_name->name != "a" || by_name->uid == UINT32_MAX || by_name->gid == UINT32_MAX)) abort();
  static_cast<void>(crisp::FindGroup(text, "a"));
  for (const uint32_t gid : crisp::GroupsOf(text, "a")) {
    if (gid == UINT32_MAX) abort();
  }
  return 0;
}
