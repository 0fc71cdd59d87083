// The process's terminal.
#pragma once

namespace crisp::exec_helper {

// Makes a terminal in the container's devpts, sends its master to the shim, and makes it the process's controlling
// terminal and its stdio. Ends the process if it cannot.
void TakeTerminal();

}  // namespace crisp::exec_helper
