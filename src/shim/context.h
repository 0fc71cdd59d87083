// Context: what all parts of the shim share.
#pragma once

namespace crisp::shim {

class Children;
class ExecHelper;
class Loop;

// One read buffer for all. It holds nothing from one callback of the loop to the next.
struct Scratch {
  char bytes[36864];
};

// What it refers to lives as long as the process.
struct Context {
  Loop& loop;
  Children& children;
  Scratch& scratch;
  ExecHelper& exec_helper;
};

}  // namespace crisp::shim
