// The dictionary of SPDY/3's header compression: 1423 bytes with the Adler-32 e3c6a7c2, by which zlib names it ("SPDY
// Protocol - Draft 3", section 2.6.10.1).
#pragma once

#include <string>

namespace crisp {

// Made on the first call; never freed.
const std::string& SpdyDictionary();

}  // namespace crisp
