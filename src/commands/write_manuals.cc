// write_manuals DIR: writes what is generated of the documentation. The target "docs" runs it.
#include <cstdio>
#include <fstream>
#include <string>

#include "commands/manual.h"
#include "config_text/reference.h"

namespace {

bool Write(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) fprintf(stderr, "write_manuals: cannot write %s\n", path.c_str());
  return static_cast<bool>(file);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fputs("Usage: write_manuals DIR\n", stderr);
    return 2;
  }
  const std::string dir = argv[1];
  const bool written = Write(dir + "/configuration.md", crisp::ConfigurationPage()) &&
                       Write(dir + "/man/crispd.8", crisp::CommandManual()) &&
                       Write(dir + "/man/crispd-config.5", crisp::ConfigurationManual());
  return written ? 0 : 1;
}
