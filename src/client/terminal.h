// The terminal that a person sits at.
#pragma once

#include <termios.h>

#include <cstdint>
#include <optional>

namespace crisp::client {

struct TerminalSize {
  uint16_t columns = 80;
  uint16_t rows = 24;
};

// Of the terminal `fd`; nothing if it is none.
std::optional<TerminalSize> SizeOf(int fd);

bool IsTerminal(int fd);

// Whether to draw with colours on `fd`: a terminal that can, and no NO_COLOR.
bool WantsColours(int fd);

// While it lives the terminal `fd` passes on every key as it is. Does nothing where fd is no terminal.
class RawMode {
 public:
  explicit RawMode(int fd);
  ~RawMode();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;

 private:
  const int fd_;
  std::optional<termios> before_;
};

}  // namespace crisp::client
