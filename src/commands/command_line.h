// The command line of crispd.
//
// A further command needs: a value of Verb, a line in command_line.cc that describes it with its options, and a case
// in src/main.cc (or in a function of this room) that runs it.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "commands/answer.h"

namespace crisp {

enum class Verb {
  kServe,  // no command: be the daemon
  kConfigDefault,
  kConfigDump,
  kConfigCheck,
  kConfigExplain,
  kConfigMigrate,
  kDoctor,  // look at the node
};

// Of `crispd doctor`.
struct DoctorLine {
  std::vector<std::string> checks;  // --check; empty: all
  bool json = false;                // --json
  std::string kubelet_config;       // --kubelet-config
  std::string kubelet_url;          // --kubelet-url
};

struct CommandLine {
  Verb verb = Verb::kServe;
  std::string config = {};  // --config of kServe, kConfigDump and kDoctor; empty: no file
  std::string file = {};    // FILE of kConfigCheck and kConfigMigrate
  std::string key = {};     // KEY of kConfigExplain
  bool strict = false;      // --strict of kConfigCheck
  bool write = false;       // --write of kConfigMigrate
  bool drop_in = false;     // --drop-in of kConfigMigrate
  DoctorLine doctor = {};
};

// `args` without the name of the program. An Answer is to be printed instead of running anything: a help text, the
// version, or what is wrong with the line (kExitUsage).
std::variant<CommandLine, Answer> ParseCommandLine(const std::vector<std::string>& args);

// What --help says, for manuals.
struct OptionHelp {
  std::string name;  // "--config FILE"
  std::string text;
};
struct CommandHelp {
  std::string name;  // "crispd", "crispd config check"
  std::string text;
  std::string footer;
  std::vector<OptionHelp> options;  // with the operands
};

// crispd itself first, then its commands in their order; those that only group others are left out.
std::vector<CommandHelp> CommandHelps();

}  // namespace crisp
