// What a command tells the person who called it.
#pragma once

#include <string>

namespace crisp {

// Exit statuses of every command.
inline constexpr int kExitOk = 0;
inline constexpr int kExitBad = 1;    // the command has found something wrong, or has failed
inline constexpr int kExitUsage = 2;  // the command line is wrong, or a file cannot be read

struct Answer {
  int status = kExitOk;
  std::string out;  // for stdout
  std::string err;  // for stderr
};

// Writes it, and returns the exit status: kExitBad where stdout does not take all of it (a full disk), else
// answer.status.
int Print(const Answer& answer);

}  // namespace crisp
