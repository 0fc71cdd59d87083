// Decodes any bytes as every message of both directions, and as a runtime's log. A message that can be decoded must
// encode to a packet that decodes again.
#include <cstdlib>

#include "shim/codec.h"
#include "shim/exit_record.h"
#include "shim/runtime_log.h"

namespace crisp::shim {
namespace {

template <typename Message>
void Try(std::string_view packet) {
  Message message;
  if (!Decode(packet, &message)) return;
  static char buffer[kMaxMessage];
  const std::string_view again = EncodeInto(buffer, sizeof(buffer), 1, message);
  Message copy;
  if (again.empty() || !Decode(again, &copy)) abort();
}

template <typename... Messages>
void TryAll(std::string_view packet) {
  (Try<Messages>(packet), ...);
}

}  // namespace
}  // namespace crisp::shim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace crisp::shim;  // NOLINT(google-build-using-namespace): a fuzzer's entry must be outside
  const std::string_view packet(reinterpret_cast<const char*>(data), size);
  Header header;
  DecodeHeader(packet, &header);
  TryAll<Hello, HelloReply, List, ListItem, Start, Started, Kill, Delete, Exec, ExecOutput, ExecDone, Cancel, ReopenLog,
         Upgrade, Shutdown, Done, Error, Exited, ExecStream, Attach, Opened, AttachDone, OomKill, LogLost>(packet);
  ExitRecord record;
  if (ParseExitRecord(packet, &record) && FormatExitRecord(record) != packet) abort();
  LastRuntimeError(packet);
  LastLine(packet);
  return 0;
}
