// Reads a database through a copy, so that neither the file nor a daemon that has it open is touched.
//
// Plain functions, callable from any thread. A copy of a file that is being written may be torn: then what is read may
// be wrong, and errors mean nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace crisp {

struct DatabaseFacts {
  std::vector<std::string> faults;  // of its pages (PRAGMA quick_check); none: it is whole
  int64_t version = 0;              // of its schema
  int64_t newest = 0;               // version that this program knows
};

// Of the database at `path`.
absl::StatusOr<DatabaseFacts> ReadDatabaseFacts(const std::string& path);

// Whether it has an image of this name, in its whole form.
absl::StatusOr<bool> DatabaseHasImage(const std::string& path, const std::string& name);

}  // namespace crisp
