// Error messages of an OCI runtime, from the file of `--log FILE --log-format json`: one JSON object per line.
#pragma once

#include <string>
#include <string_view>

namespace crisp::shim {

// The "msg" of the last line whose "level" is "error" or worse, else of the last line with a "msg"; empty if there is
// none. Understands flat JSON objects of strings, which is what runc and crun write.
std::string LastRuntimeError(std::string_view log);

// The last line of `text` that is not blank.
std::string LastLine(std::string_view text);

}  // namespace crisp::shim
