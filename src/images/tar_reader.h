// TarReader: the entries of a tar that comes in blocks. libarchive is used for the tar format and nothing else: it
// never sees a file system. Understands ustar, pax (with SCHILY.xattr and LIBARCHIVE.xattr), GNU long names and sparse
// files.
//
// Names and link targets are the bytes that the tar has: libarchive would turn the UTF-8 of pax headers into the
// locale's encoding and compose its accents, and falls back to the bytes only where that fails, as it does in the "C"
// locale. So entries must be read under CLocale.
//
// Threading: thread-compatible. Errors: DataLoss for what is no tar, ResourceExhausted for headers that would take too
// much memory, and the input's own.
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

// The "C" locale for this thread, as long as it lives.
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
  // Gives the next block, which stays valid until it is called again; empty at the end.
  using Input = std::function<absl::StatusOr<absl::string_view>()>;

  struct Data {
    absl::string_view bytes;  // valid until the next call
    uint64_t offset = 0;      // in the file; between two pieces there may be a hole
    bool end = false;
  };

  explicit TarReader(Input input) : input_(std::move(input)) {}

  absl::Status Open();
  // Null at the end of the archive. Valid until the next call. The data of the one before must have been read.
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
