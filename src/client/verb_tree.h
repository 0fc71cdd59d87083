// VerbTree: the command line. Each file of verbs adds its own with their options; Run parses a line and runs the one
// that it names.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/list_output.h"
#include "client/session.h"

namespace crisp::client {

class VerbTree {
 public:
  // The exit status. A Status is printed, and the exit status is kExitFailure.
  using Action = std::function<absl::StatusOr<int>(Session&)>;

  explicit VerbTree(Session* session);
  VerbTree(const VerbTree&) = delete;
  VerbTree& operator=(const VerbTree&) = delete;

  CLI::App& root() { return app_; }
  // Verbs below another: "image", "system". It is made if it is not there.
  CLI::App& Group(const std::string& name, const std::string& text);

  // A verb with its action.
  CLI::App* Add(CLI::App& parent, const std::string& name, const std::string& text, Action action);
  // The same, and all behind its first operand are operands too: a command for a container has options of its own.
  CLI::App* AddPassing(CLI::App& parent, const std::string& name, const std::string& text, Action action);

  // The options of lists: -q, -o, --format, --no-headers.
  static void AddListOptions(CLI::App* verb, ListFormat* format, const std::string& quiet_text);

  // A verb or option that people know from docker and that crisp does not have, with why and what to do instead.
  static void Refuse(CLI::App& parent, const std::string& name, const std::string& why);
  static void RefuseOption(CLI::App* verb, const std::string& name, const std::string& why);
  static void RefuseFlag(CLI::App* verb, const std::string& name, const std::string& why);

  // Parses `args`, without the program's name, runs what they say, prints errors. Returns the exit status.
  int Run(const std::vector<std::string>& args);

 private:
  int Execute();
  // `args` with "--" before the first operand of a verb that passes the rest on.
  std::vector<std::string> WithMark(std::vector<std::string> args);

  Session* const session_;
  CLI::App app_;
  Action chosen_;
  std::set<const CLI::App*> passing_;
};

// The name in `known` that is nearest to `word`, if it is near enough to be meant; else empty.
std::string Nearest(const std::string& word, const std::vector<std::string>& known);

// All verbs, in the order of the help.
void AddAllVerbs(VerbTree* tree);

}  // namespace crisp::client
