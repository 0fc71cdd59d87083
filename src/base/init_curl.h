// InitCurl: libcurl's global state, which is made once, before the first use (libcurl-thread(3)).
#pragma once

namespace crisp {

// Callable from any thread, any number of times. Ends the process where libcurl cannot work at all.
void InitCurl();

}  // namespace crisp
