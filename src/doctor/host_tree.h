// HostTree: the files of a node, or of a directory that stands in for its root in tests.
//
// A value, thread-safe. The methods follow links as the kernel does, so links in a test's tree must be relative.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace crisp {

class HostTree {
 public:
  explicit HostTree(std::string prefix = "") : prefix_(std::move(prefix)) {}

  // `path` is absolute, as the node has it.
  std::string At(absl::string_view path) const { return absl::StrCat(prefix_, path); }
  bool Has(absl::string_view path) const;
  // At most 1 MiB; more is an error. Errors: ErrnoStatus.
  absl::StatusOr<std::string> Read(absl::string_view path) const;
  // The content without white space at both ends; empty if it cannot be read.
  std::string ReadLine(absl::string_view path) const;
  // The names in a directory, sorted; none if it cannot be read.
  std::vector<std::string> List(absl::string_view path) const;

 private:
  std::string prefix_;
};

// A process of the node, from /proc.
struct NodeProcess {
  int pid = 0;
  std::string command;            // the name of its program, at most 15 bytes
  std::vector<std::string> args;  // with argv[0]

  // The value of the flag "--name": "--name=value" or "--name value"; the last one counts, as in Go programs. Empty if
  // there is none.
  std::string Flag(absl::string_view name) const;
};

std::vector<NodeProcess> ProcessesOf(const HostTree& tree);

// Likewise among `args`.
std::string FlagAmong(const std::vector<std::string>& args, absl::string_view name);

}  // namespace crisp
