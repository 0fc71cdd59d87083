// The file in which a shim's state passes from one program to the next: a sealed memfd, whose content can no longer
// change. Only the descriptors that the state names, and the file itself, stay open over execve(2).
#pragma once

#include <string>
#include <vector>

#include "os/fd.h"
#include "shim/state.h"

namespace crisp::shim {

// Writes the state into a new sealed file; invalid, with errno, if that fails. `descriptors` gets those that the state
// names.
Fd WriteStateFile(ShimState& state, std::vector<int>* descriptors);

// Reads it in the next program, and makes the descriptors that it names close-on-exec again. Empty, or why the program
// cannot go on from it; then the descriptors stay open over another execve(2).
std::string ReadStateFile(int file, ShimState* state);

// Sets FD_CLOEXEC of each, or clears it. False if one is not open; those before it are changed.
bool SetCloseOnExec(const std::vector<int>& descriptors, bool close);

}  // namespace crisp::shim
