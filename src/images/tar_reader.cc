#include "images/tar_reader.h"

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "images/layer_limits.h"

namespace crisp {
namespace {

// The header of a symbolic link "x" to "x", which is put in front of each tar. libarchive 3.6 loses the target of the
// first link of a tar if only the pax record has it and the header does not; Go writes non-ASCII targets like this.
std::string FirstLink() {
  std::string header(512, '\0');
  const auto put = [&](size_t at, absl::string_view field) {
    header.replace(at, field.size(), field.data(), field.size());
  };
  put(0, "x");
  put(100, "0000777");
  put(124, "00000000000");
  put(136, "00000000000");
  put(148, "        ");
  put(156, "2x");
  put(257, absl::string_view("ustar\00000", 8));
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, absl::StrFormat("%06o", sum));
  header[154] = '\0';
  return header;
}

}  // namespace

CLocale::CLocale() : c_(newlocale(LC_ALL_MASK, "C", nullptr)), before_(uselocale(c_)) {}

CLocale::~CLocale() {
  uselocale(before_);
  freelocale(c_);
}

absl::Status TarReader::Open() {
  archive_.reset(archive_read_new());
  if (archive_ == nullptr) return absl::ResourceExhaustedError("no memory to read a tar");
  archive_read_support_format_tar(archive_.get());
  prelude_ = FirstLink();
  if (archive_read_open(archive_.get(), this, nullptr, &TarReader::Read, nullptr) != ARCHIVE_OK) return Error();
  return NextEntry().status();
}

absl::StatusOr<archive_entry*> TarReader::NextEntry() {
  since_last_ = 0;
  archive_entry* entry = nullptr;
  const int result = archive_read_next_header(archive_.get(), &entry);
  if (result == ARCHIVE_EOF) return nullptr;
  if (result == ARCHIVE_OK || (result == ARCHIVE_WARN && IsOnlyAboutCharacters())) return entry;
  return Error();
}

absl::StatusOr<TarReader::Data> TarReader::NextData() {
  since_last_ = 0;
  const void* bytes = nullptr;
  size_t size = 0;
  la_int64_t offset = 0;
  const int result = archive_read_data_block(archive_.get(), &bytes, &size, &offset);
  if (result == ARCHIVE_EOF) return Data{{}, 0, true};
  if (result != ARCHIVE_OK || offset < 0) return Error();
  return Data{absl::string_view(static_cast<const char*>(bytes), size), static_cast<uint64_t>(offset), false};
}

// True for the warning that non-ASCII names give in the "C" locale. Other warnings mean that a record was ignored, and
// with it possibly a name or size.
bool TarReader::IsOnlyAboutCharacters() const {
  const char* text = archive_error_string(archive_.get());
  return text != nullptr && absl::StrContains(text, "can't be converted");
}

la_ssize_t TarReader::Read(archive*, void* self, const void** block) {
  return static_cast<TarReader*>(self)->ReadBlock(block);
}

la_ssize_t TarReader::ReadBlock(const void** block) {
  absl::StatusOr<absl::string_view> bytes = prelude_;
  if (!prelude_read_) {
    prelude_read_ = true;
  } else if (since_last_ > kMostHeaderBytes) {
    bytes =
        absl::ResourceExhaustedError(absl::StrCat("an entry's headers take more than ", kMostHeaderBytes, " bytes"));
  } else {
    bytes = input_();
  }
  if (!bytes.ok()) {
    input_error_ = bytes.status();
    archive_set_error(archive_.get(), EIO, "%s", "input failed");
    return ARCHIVE_FATAL;
  }
  since_last_ += bytes->size();
  *block = bytes->data();
  return static_cast<la_ssize_t>(bytes->size());
}

absl::Status TarReader::Error() const {
  if (!input_error_.ok()) return input_error_;
  const char* text = archive_error_string(archive_.get());
  return absl::DataLossError(absl::StrCat("the tar is damaged: ", text != nullptr ? text : "unknown reason"));
}

}  // namespace crisp
