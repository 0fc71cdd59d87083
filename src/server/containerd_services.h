// ContainerdServices: the three calls of containerd's API that cAdvisor makes, in the kubelet: Version when it starts,
// Containers.Get and Tasks.Get for each cgroup that may be a container's.
//
// A call's metadata names a namespace, "k8s.io" for the kubelet's containers; another one has none. What crisp does not
// know is NotFound: cAdvisor asks for every cgroup of the node that looks like a container's.
#pragma once

#include <grpcpp/server_builder.h>

#include <memory>

namespace crisp {

class ContainerdView;
class PodTable;
struct RpcWatchers;

class ContainerdServices {
 public:
  // All must outlive the object, and this the server.
  ContainerdServices(const ContainerdView* view, const PodTable* table, const RpcWatchers& watchers);
  ~ContainerdServices();

  void Register(grpc::ServerBuilder* builder);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace crisp
