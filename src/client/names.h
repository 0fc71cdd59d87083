// Names for containers that nobody has named.
#pragma once

#include <cstdint>
#include <string>

namespace crisp::client {

// "brave_lovelace": an adjective and the name of somebody to whom computing owes something. The same for the same
// number.
std::string NameOf(uint64_t number);
// A random one.
std::string RandomName();
// 64 random bits in hexadecimal.
std::string RandomHex();

}  // namespace crisp::client
