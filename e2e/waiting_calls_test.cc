// A thousand calls that wait: everybody else is served. CRISP_E2E_WAITING_CALLS is another number of them.
#include <grpcpp/completion_queue.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "e2e/fixture.h"

namespace crisp::e2e {
namespace {

constexpr int kCalls = 1000;

int Calls() {
  const char* number = getenv("CRISP_E2E_WAITING_CALLS");
  return number != nullptr ? atoi(number) : kCalls;
}

// StopContainer, many times at once, by a client that waits for none of them.
class WaitingStops {
 public:
  WaitingStops(Cri& cri, const std::string& container, int count) {
    cri::StopContainerRequest request;
    request.set_container_id(container);
    request.set_timeout(600);
    for (int i = 0; i < count; ++i) {
      auto call = std::make_unique<One>();
      call->reader = cri.runtime().AsyncStopContainer(&call->context, request, &queue_);
      call->reader->Finish(&call->response, &call->status, call.get());
      calls_.push_back(std::move(call));
    }
  }
  ~WaitingStops() {
    for (const auto& call : calls_) call->context.TryCancel();
    Finish();
  }

  // Waits until all are answered, and returns how many were OK.
  int Finish() {
    int ok = 0;
    for (; finished_ < calls_.size(); ++finished_) {
      void* tag = nullptr;
      bool more = false;
      queue_.Next(&tag, &more);
      if (static_cast<One*>(tag)->status.ok()) ++ok;
    }
    return ok;
  }

 private:
  struct One {
    grpc::ClientContext context;
    cri::StopContainerResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<cri::StopContainerResponse>> reader;
  };
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<One>> calls_;
  size_t finished_ = 0;
};

long Threads(pid_t pid) {
  const std::string status = ReadFile(ProcPath(pid, "status"));
  const size_t at = status.find("Threads:");
  return at == std::string::npos ? 0 : atol(status.c_str() + at + 8);
}

TEST_F(NodeTest, ManyCallsThatWaitLeaveEverybodyElseServed) {
  const PodRef pod = RunPod("busy");
  const std::string stubborn = Start(pod, ContainerOf("stubborn", "trap '' TERM; while :; do sleep 1; done"));
  const std::string other = Start(pod, ContainerOf("other", "sleep 1000"));
  const int64_t before = MemoryKib(node().pid(), "status", "VmRSS");
  WaitingStops stops(cri(), stubborn, Calls());
  WaitFor("the calls to wait", std::chrono::seconds(60), [&] { return Threads(node().pid()) > Calls(); });
  const MonoTime begin = MonoClock::now();
  Must(cri().Status());
  Must(cri().Version());
  EXPECT_THAT(Containers(), SizeIs(2));
  EXPECT_EQ(Sh(other, "echo works"), "works\n");
  EXPECT_LT(MonoClock::now() - begin, std::chrono::seconds(5));
  const PodRef next = RunPod("next");
  Must(cri().StopContainer(other, 0));
  EXPECT_EQ(StatusOf(stubborn).state(), cri::CONTAINER_RUNNING);
  const int64_t each = (MemoryKib(node().pid(), "status", "VmRSS") - before) / Calls();
  std::cout << "with " << Calls() << " waiting calls: " << each << " KiB each\n";
#ifndef __SANITIZE_ADDRESS__
  EXPECT_LT(each, 70) << "thread-local storage, for one, is taken by each thread";
#endif
  Must(cri().StopContainer(stubborn, 0));
  EXPECT_EQ(stops.Finish(), Calls());
}

}  // namespace
}  // namespace crisp::e2e
