// Check: an entry of the doctor's list. Each is a function, which adds what it finds to `findings` and ends within the
// time of `call`, as far as the kernel lets it. A check changes nothing on the node, but for what scratch_dir.h makes
// for a moment. Any number of them run at once.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace crisp {

class CallContext;
class Findings;
struct Subject;

struct Check {
  std::string name;  // what --check takes; its findings are called "<name>.<item>"
  std::string title;
  std::chrono::milliseconds limit;
  void (*run)(const Subject&, Findings*, const CallContext&);
};

}  // namespace crisp
