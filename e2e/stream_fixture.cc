#include "e2e/stream_fixture.h"

namespace crisp::e2e {

const std::string& StreamTest::Main() {
  if (main_.empty()) main_ = Start(pod_, ContainerOf("main", "sleep 100000"));
  return main_;
}

cri::ExecRequest StreamTest::ExecOf(const std::string& container, const std::string& script) {
  cri::ExecRequest request;
  request.set_container_id(container);
  for (const char* word : {"sh", "-c", script.c_str()}) request.add_cmd(word);
  request.set_stdin(true);
  request.set_stdout(true);
  return request;
}

std::string StreamTest::ExecUrl(const std::string& script, bool terminal) {
  cri::ExecRequest request = ExecOf(Main(), script);
  request.set_tty(terminal);
  return UrlOf(request);
}

std::string StreamTest::AttachUrl(const std::string& container, bool terminal) {
  cri::AttachRequest request;
  request.set_container_id(container);
  request.set_stdin(true);
  request.set_stdout(true);
  request.set_tty(terminal);
  return Must(cri().Call(&Runtime::Attach, request)).url();
}

std::string StreamTest::ForwardUrl(const PodRef& pod, const std::vector<int>& ports) {
  cri::PortForwardRequest request;
  request.set_pod_sandbox_id(pod.id);
  for (const int port : ports) request.add_port(port);
  return Must(cri().Call(&Runtime::PortForward, request)).url();
}

bool RunsNatively() {
  return !FileExists("/sys/fs/cgroup/cgroup.controllers") &&
         (!FileExists("/sys/module/apparmor/parameters/enabled") ||
          ReadFile("/sys/module/apparmor/parameters/enabled") != "Y\n");
}

}  // namespace crisp::e2e
