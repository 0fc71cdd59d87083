// TarOutput: a pax archive that is written in one pass. libarchive only formats it.
//
// Names are written as the bytes that they are. The output is the same whenever it is given the same entries.
// Threading: thread-compatible; one thread from the first call to the last. Errors: those of the sink, and Internal
// where an entry cannot be written.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "images/tar_reader.h"

namespace crisp {

class TarOutput {
 public:
  using Sink = std::function<absl::Status(absl::string_view)>;
  struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
  };
  using Entry = std::unique_ptr<archive_entry, FreeEntry>;

  explicit TarOutput(Sink sink) : sink_(std::move(sink)) {}

  absl::Status Open();
  static Entry NewEntry() { return Entry(archive_entry_new()); }
  // What follows is the entry's data, of as many bytes as the entry says.
  absl::Status Begin(const Entry& entry);
  absl::Status Data(absl::string_view bytes);
  // A file of mode 0644 at `path`, with all its contents.
  absl::Status AddFile(const std::string& path, absl::string_view contents);
  // The end of the archive.
  absl::Status Finish();

 private:
  struct Free {
    void operator()(archive* writer) const { archive_write_free(writer); }
  };
  static la_ssize_t Write(archive*, void* self, const void* bytes, size_t size);
  absl::Status Error() const;

  const CLocale bytes_as_they_are_;
  const Sink sink_;
  std::unique_ptr<archive, Free> archive_;
  absl::Status sink_error_;
};

}  // namespace crisp
