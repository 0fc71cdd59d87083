// crispd config: what its commands answer.
#pragma once

#include "commands/answer.h"
#include "commands/command_line.h"

namespace crisp {

// Runs a command of "crispd config"; line.verb is one of Verb::kConfig....
Answer RunConfigCommand(const CommandLine& line);

}  // namespace crisp
