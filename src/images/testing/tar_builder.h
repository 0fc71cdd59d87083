// Tars for tests, byte by byte: everything that a well-behaved writer would refuse to write can be written.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace crisp {

struct TarEntry {
  char type = '0';  // of ustar: '0' file, '1' hard link, '2' symlink, '3' char, '4' block, '5' directory, '6' fifo
  std::string name;
  std::string content;
  std::string link;
  unsigned mode = 0644;
  int64_t uid = 0;
  int64_t gid = 0;
  int64_t mtime = 1000000000;
  unsigned major = 0;
  unsigned minor = 0;
  std::map<std::string, std::string> pax;  // "path", "mtime", "SCHILY.xattr.user.a", "GNU.sparse.major", …
};

class TarBuilder {
 public:
  TarBuilder& Add(const TarEntry& entry);

  TarBuilder& File(const std::string& name, const std::string& content, unsigned mode = 0644);
  TarBuilder& Dir(const std::string& name, unsigned mode = 0755, int64_t uid = 0, int64_t gid = 0);
  TarBuilder& Symlink(const std::string& name, const std::string& target);
  TarBuilder& Link(const std::string& name, const std::string& target);
  TarBuilder& Raw(absl::string_view bytes);

  // With the end mark.
  std::string Build() const;

 private:
  void Header(char type, const std::string& name, uint64_t size, const TarEntry& entry);
  void Pad();

  std::string tar_;
};

std::string Gzip(absl::string_view data);
std::string Zstd(absl::string_view data);

}  // namespace crisp
