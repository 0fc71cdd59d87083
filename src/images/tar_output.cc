#include "images/tar_output.h"

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {

absl::Status TarOutput::Open() {
  archive_.reset(archive_write_new());
  if (archive_ == nullptr) return absl::ResourceExhaustedError("no memory to write a tar");
  archive_write_set_format_pax_restricted(archive_.get());
  // The one form of extended attributes that Docker and containerd read, and no second copy of each.
  archive_write_set_format_option(archive_.get(), "pax", "xattrheader", "SCHILY");
  archive_write_set_format_option(archive_.get(), "pax", "hdrcharset", "BINARY");
  if (archive_write_open(archive_.get(), this, nullptr, &TarOutput::Write, nullptr) != ARCHIVE_OK) return Error();
  return absl::OkStatus();
}

absl::Status TarOutput::Begin(const Entry& entry) {
  return archive_write_header(archive_.get(), entry.get()) < ARCHIVE_WARN ? Error() : absl::OkStatus();
}

absl::Status TarOutput::Data(absl::string_view bytes) {
  while (!bytes.empty()) {
    const la_ssize_t count = archive_write_data(archive_.get(), bytes.data(), bytes.size());
    if (count <= 0) return Error();
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

absl::Status TarOutput::AddFile(const std::string& path, absl::string_view contents) {
  const Entry entry = NewEntry();
  archive_entry_set_pathname(entry.get(), path.c_str());
  archive_entry_set_mode(entry.get(), AE_IFREG | 0644);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(contents.size()));
  RETURN_IF_ERROR(Begin(entry));
  return Data(contents);
}

absl::Status TarOutput::Finish() {
  return archive_write_close(archive_.get()) < ARCHIVE_WARN ? Error() : absl::OkStatus();
}

la_ssize_t TarOutput::Write(archive*, void* self, const void* bytes, size_t size) {
  auto& output = *static_cast<TarOutput*>(self);
  // libarchive writes what it has buffered also when it is freed after an error.
  if (!output.sink_error_.ok()) return -1;
  output.sink_error_ = output.sink_(absl::string_view(static_cast<const char*>(bytes), size));
  return output.sink_error_.ok() ? static_cast<la_ssize_t>(size) : -1;
}

absl::Status TarOutput::Error() const {
  if (!sink_error_.ok()) return sink_error_;
  const char* text = archive_error_string(archive_.get());
  return absl::InternalError(absl::StrCat("write a tar: ", text != nullptr ? text : "libarchive says no more"));
}

}  // namespace crisp
