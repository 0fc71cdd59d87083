// StdioStreams: which streams of a process a client wants to read and write, and whether it has a terminal. The one
// form of an exec's or attach's request from the API down to the shim's wire.
#pragma once

namespace crisp {

// A stream that is not asked for is /dev/null for an exec, and is not touched by an attach.
struct StdioStreams {
  bool terminal = false;  // output then carries stderr too, and error_output does not exist
  bool input = false;
  bool output = false;
  bool error_output = false;
};

}  // namespace crisp
