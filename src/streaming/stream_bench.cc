// Measures an exec of `cat` of a gigabyte over SPDY on loopback, from a real process to a client that counts the bytes.
// Prints MB/s, and the CPU time of cat, server and client together, which depends less on other load of the machine.
//
//   stream_bench [MiB [runs]]
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "streaming/stream_server.h"
#include "streaming/testing/process_target.h"
#include "streaming/testing/spdy_client.h"

namespace crisp {
namespace {

// CPU seconds of this process and its children that have ended.
double ProcessorTime() {
  double seconds = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      seconds += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    }
  }
  return seconds;
}

int Run(int mebibytes, int runs) {
  char name[] = "/tmp/stream_bench.XXXXXX";
  const Fd file(mkstemp(name));
  const uint64_t size = static_cast<uint64_t>(mebibytes) << 20;
  const std::string block(1 << 20, 'x');
  for (int i = 0; i < mebibytes; ++i) {
    if (write(file.get(), block.data(), block.size()) != static_cast<ssize_t>(block.size())) return 1;
  }
  ProcessTarget target;
  const auto server = StreamServer::Start({}, &target);
  if (!server.ok()) return 1;
  bool well = true;
  for (int i = 0; i < runs && well; ++i) {
    StreamRequest request;
    request.command = {"cat", name};
    request.streams.output = true;
    const auto client = SpdyClient::Connect(*(*server)->ExecUrl(request), {"v4.channel.k8s.io"});
    client->KeepNoData();
    const double processor = ProcessorTime();
    const auto start = std::chrono::steady_clock::now();
    client->OpenChannel("error");
    client->OpenChannel("stdout");
    well = client->ReadUntilClosed(std::chrono::seconds(100)) && client->data_bytes() >= size;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    Eventually([&] { return target.live() == 0; });
    printf("%.0f MB/s (%d MiB in %.3f s, %.3f s of processors)\n", static_cast<double>(size) / 1e6 / took.count(),
           mebibytes, took.count(), ProcessorTime() - processor);
  }
  unlink(name);
  if (!well) puts("the output did not come whole");
  return well ? 0 : 1;
}

}  // namespace
}  // namespace crisp

int main(int argc, char** argv) {
  return crisp::Run(argc > 1 ? atoi(argv[1]) : 1024, argc > 2 ? atoi(argv[2]) : 3);
}
