// Session: one run of the program: where it writes, which runtime it speaks to, where it keeps what containers of its
// own need.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/endpoint.h"
#include "client/runtime_client.h"

namespace crisp::client {

// Exit statuses, as docker's and podman's.
inline constexpr int kExitFailure = 125;        // crisp or the runtime has failed
inline constexpr int kExitCannotExecute = 126;  // the command in the container cannot be executed
inline constexpr int kExitNotFound = 127;       // there is no such command in the container

// Options that every command has.
struct GlobalOptions {
  std::string endpoint;
  std::string data_root = "/var/lib/crisp-client";
  bool kubernetes = false;  // --k8s: what changes something may touch the kubelet's pods
};

class Session {
 public:
  GlobalOptions& options() { return options_; }

  // Chosen once.
  absl::StatusOr<Endpoint> Socket();
  // Connected with its first call. Owned by the session.
  absl::StatusOr<RuntimeClient*> Runtime();

 private:
  GlobalOptions options_;
  std::unique_ptr<Endpoint> endpoint_;
  std::unique_ptr<RuntimeClient> runtime_;
};

// All of it, to standard output or standard error.
void Out(absl::string_view text);
void Err(absl::string_view text);

}  // namespace crisp::client
