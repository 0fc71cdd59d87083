// /bin/sh of the images that critest runs. Debian's busybox executes its own applets without looking at the file
// system; the busybox of upstream's images executes the file in PATH, and a spec hides such a file (masked_paths) and
// waits for the shell's words about it. So `sh -c WORD` executes the file, in the words of busybox 1.29 if it cannot;
// all else is busybox's.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace {

bool IsOneWord(const std::string& text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

// Returns only if it cannot be executed; true if it is there.
bool ExecuteFile(char* shell, char* name) {
  const std::string path = "/bin/" + std::string(name);
  if (access(path.c_str(), F_OK) != 0) return false;
  char* const arguments[] = {name, nullptr};
  execv(path.c_str(), arguments);
  fprintf(stderr, "%s: %s: %s\n", shell, name, strerror(errno));
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "-c") == 0 && IsOneWord(argv[2]) && ExecuteFile(argv[0], argv[2])) return 126;
  execv("/bin/busybox", argv);
  perror("/bin/busybox");
  return 127;
}
