#include "client/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace crisp::client {

std::optional<TerminalSize> SizeOf(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0) return std::nullopt;
  if (size.ws_col == 0 || size.ws_row == 0) return TerminalSize();  // a serial line does not know
  return TerminalSize{size.ws_col, size.ws_row};
}

bool IsTerminal(int fd) {
  return isatty(fd) == 1;
}

bool WantsColours(int fd) {
  const char* const refused = getenv("NO_COLOR");
  const char* const kind = getenv("TERM");
  if (refused != nullptr && *refused != '\0') return false;
  return IsTerminal(fd) && (kind == nullptr || strcmp(kind, "dumb") != 0);
}

RawMode::RawMode(int fd) : fd_(fd) {
  termios mode{};
  if (tcgetattr(fd, &mode) != 0) return;
  before_ = mode;
  cfmakeraw(&mode);
  tcsetattr(fd, TCSADRAIN, &mode);
}

RawMode::~RawMode() {
  if (before_) tcsetattr(fd_, TCSADRAIN, &*before_);
}

}  // namespace crisp::client
