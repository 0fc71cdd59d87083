// TarReader: the entries of a tar that arrives in blocks. libarchive only parses the tar; it never touches a file
// system. Supports ustar, pax (with SCHILY.xattr and LIBARCHIVE.xattr), GNU long names and sparse files.
//
// Names and link targets are the bytes of the tar. libarchive would convert the UTF-8 of pax headers to the encoding of
// the locale and compose accents. It returns the bytes only if the conversion fails, as in the "C" locale, so entries
// must be read while a CLocale exists.
//
// Threading: thread-compatible. Errors: DataLoss for a malformed tar, ResourceExhausted for headers that take too much
// memory, and those of the input.
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace crisp {

// Sets the "C" locale for the current thread while it exists.
class CLocale {
 public:
  CLocale();
  ~CLocale();
  CLocale(const CLocale&) = delete;
  CLocale& operator=(const CLocale&) = delete;

 private:
  locale_t c_;
  locale_t before_;
};

class TarReader {
 public:
  // Returns the next block, valid until the next call; empty at the end.
  using Input = std::function<absl::StatusOr<absl::string_view>()>;

  struct Data {
    absl::string_view bytes;  // valid until the next call
    uint64_t offset = 0;      // in the file; there may be a hole between two pieces
    bool end = false;
  };

  explicit TarReader(Input input) : input_(std::move(input)) {}

  absl::Status Open();
  // Null at the end of the archive. Valid until the next call. The data of the previous entry must have been read.
  absl::StatusOr<archive_entry*> NextEntry();
  absl::StatusOr<Data> NextData();

 private:
  struct Free {
    void operator()(archive* reader) const { archive_read_free(reader); }
  };

  static la_ssize_t Read(archive*, void* self, const void** block);
  la_ssize_t ReadBlock(const void** block);
  bool IsOnlyAboutCharacters() const;
  absl::Status Error() const;

  Input input_;
  std::string prelude_;
  bool prelude_read_ = false;
  std::unique_ptr<archive, Free> archive_;
  size_t since_last_ = 0;  // bytes read since the last entry or piece of data
  absl::Status input_error_;
};

}  // namespace crisp
