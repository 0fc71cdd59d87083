// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace crisp {

std::string BytesText(uint64_t bytes);      // "512 B", "1.5 GiB"
std::string DayText(int64_t seconds);       // of a time since 1970: "2027-11-29"
std::string DurationText(int64_t seconds);  // "45 s", "12 min", "3 h", "20 days"

}  // namespace crisp
