// The catalog of the doctor's findings: the names by which machines know them. docs/doctor.md has the same table, with
// what to do. A name that was released keeps its meaning.
#pragma once

#include "absl/types/span.h"

namespace crisp {

struct CatalogEntry {
  const char* name;      // "<check>.<item>"
  const char* looks_at;  // in a few words
};

absl::Span<const CatalogEntry> Catalog();

// The item of every check that says that the check itself did not end in time.
inline constexpr char kTimeItem[] = "time";

}  // namespace crisp
