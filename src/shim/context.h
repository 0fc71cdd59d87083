// What the parts of the shim share.
#pragma once

namespace crisp::shim {

class Children;
class Loop;

// Memory that every reader of the shim uses in turn; it holds nothing between two callbacks.
struct Scratch {
  char bytes[36864];
};

// Lives as long as the process.
struct Context {
  Loop& loop;
  Children& children;
  Scratch& scratch;
};

}  // namespace crisp::shim
