#include "server/containerd_services.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "api/containerd/containerd.h"
#include "api/containerd/containers.grpc.pb.h"
#include "api/containerd/tasks.grpc.pb.h"
#include "api/containerd/version.grpc.pb.h"
#include "base/status_macros.h"
#include "server/edge.h"
#include "stats/containerd_view.h"

namespace crisp {
namespace {

constexpr char kNamespaceKey[] = "containerd-namespace";
constexpr absl::string_view kNamespace = "k8s.io";

absl::Status CheckNamespace(const grpc::ServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto entry = metadata.find(kNamespaceKey);
  if (entry == metadata.end()) {
    return absl::FailedPreconditionError(absl::StrCat("namespace is required: send ", kNamespaceKey, ": k8s.io"));
  }
  const std::string name(entry->second.data(), entry->second.size());
  if (name == kNamespace) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("namespace \"", name, "\": not found; crisp's containers are in k8s.io"));
}

// The calls without gRPC.
class Calls {
 public:
  explicit Calls(const ContainerdView* view) : view_(view) {}

  absl::Status GetContainer(const containerd_containers::GetContainerRequest& request,
                            containerd_containers::GetContainerResponse* response) {
    ASSIGN_OR_RETURN(*response->mutable_container(), view_->OfContainer(request.id()));
    return absl::OkStatus();
  }
  // Of an exec nothing is known.
  absl::Status GetTask(const containerd_tasks::GetRequest& request, containerd_tasks::GetResponse* response) {
    if (!request.exec_id().empty()) return absl::NotFoundError(absl::StrCat("exec ", request.exec_id(), ": not found"));
    ASSIGN_OR_RETURN(*response->mutable_process(), view_->ProcessOf(request.container_id()));
    return absl::OkStatus();
  }
  absl::Status Version(const google::protobuf::Empty&, containerd_version::VersionResponse* response) {
    response->set_version(CRISP_VERSION);
    response->set_revision("crisp");
    return absl::OkStatus();
  }

 private:
  const ContainerdView* const view_;
};

constexpr RpcLog Line(absl::string_view method) {
  return {method, LogLevel::kDebug, LogLevel::kDebug};
}

}  // namespace

class ContainerdServices::Impl {
 public:
  Impl(const ContainerdView* view, const PodTable* table, const RpcWatchers& watchers)
      : containers_edge_("containerd.services.containers.v1.Containers", table, watchers),
        tasks_edge_("containerd.services.tasks.v1.Tasks", table, watchers),
        version_edge_("containerd.services.version.v1.Version", table, watchers),
        calls_(view),
        containers_(this),
        tasks_(this),
        version_(this) {}

  void Register(grpc::ServerBuilder* builder) {
    builder->RegisterService(&containers_);
    builder->RegisterService(&tasks_);
    builder->RegisterService(&version_);
  }

 private:
  template <typename Request, typename Response>
  grpc::Status Answer(Edge& edge, absl::string_view method, const grpc::ServerContext& context,
                      absl::Status (Calls::*call)(const Request&, Response*), const Request& request,
                      Response* response) {
    const absl::Status ours = CheckNamespace(context);
    return ours.ok() ? edge.Answer(Line(method), context, calls_, call, request, response) : ToGrpc(ours);
  }

  class Containers final : public containerd_containers::Containers::Service {
   public:
    explicit Containers(Impl* impl) : impl_(impl) {}
    grpc::Status Get(grpc::ServerContext* context, const containerd_containers::GetContainerRequest* request,
                     containerd_containers::GetContainerResponse* response) override {
      return impl_->Answer(impl_->containers_edge_, "Containers.Get", *context, &Calls::GetContainer, *request,
                           response);
    }

   private:
    Impl* const impl_;
  };

  class Tasks final : public containerd_tasks::Tasks::Service {
   public:
    explicit Tasks(Impl* impl) : impl_(impl) {}
    grpc::Status Get(grpc::ServerContext* context, const containerd_tasks::GetRequest* request,
                     containerd_tasks::GetResponse* response) override {
      return impl_->Answer(impl_->tasks_edge_, "Tasks.Get", *context, &Calls::GetTask, *request, response);
    }

   private:
    Impl* const impl_;
  };

  // Needs no namespace.
  class VersionService final : public containerd_version::Version::Service {
   public:
    explicit VersionService(Impl* impl) : impl_(impl) {}
    grpc::Status Version(grpc::ServerContext* context, const google::protobuf::Empty* request,
                         containerd_version::VersionResponse* response) override {
      return impl_->version_edge_.Answer(Line("Version.Version"), *context, impl_->calls_, &Calls::Version, *request,
                                         response);
    }

   private:
    Impl* const impl_;
  };

  Edge containers_edge_;
  Edge tasks_edge_;
  Edge version_edge_;
  Calls calls_;
  Containers containers_;
  Tasks tasks_;
  VersionService version_;
};

ContainerdServices::ContainerdServices(const ContainerdView* view, const PodTable* table, const RpcWatchers& watchers)
    : impl_(std::make_unique<Impl>(view, table, watchers)) {}

ContainerdServices::~ContainerdServices() = default;

void ContainerdServices::Register(grpc::ServerBuilder* builder) {
  impl_->Register(builder);
}

}  // namespace crisp
