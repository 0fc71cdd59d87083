#include "server/own_services.h"

#include "server/server_options.h"

namespace crisp {
namespace {

RpcWatchers WatchersOf(const CriBackends& backends) {
  return {backends.rpc_metrics, backends.tracer, backends.log_trace_ids, backends.traces};
}

}  // namespace

OwnImageService::OwnImageService(const CriBackends& backends)
    : edge_("crisp.v1.Images", backends.table, WatchersOf(backends)),
      rpcs_(backends.images, backends.stats, backends.page) {}

OwnNodeService::OwnNodeService(const CriBackends& backends)
    : edge_("crisp.v1.Node", backends.table, WatchersOf(backends)),
      rpcs_(backends.images, backends.stats, backends.page) {}

// A request without a fault of crispd's can fail by a slip of the fingers: no warning.
#define CRISP_RPC(service, name, call, level)                                                                  \
  grpc::Status service::name(grpc::ServerContext* context, const v1::name##Request* request,                   \
                             v1::name##Response* response) {                                                   \
    return edge_.Answer({#name, level, LogLevel::kInfo}, *context, rpcs_, &OwnRpcs::call, *request, response); \
  }

CRISP_RPC(OwnImageService, ListPulls, ListPulls, LogLevel::kDebug)
CRISP_RPC(OwnImageService, Tag, Tag, LogLevel::kInfo)
CRISP_RPC(OwnImageService, Untag, Untag, LogLevel::kInfo)
CRISP_RPC(OwnImageService, Describe, Describe, LogLevel::kDebug)
CRISP_RPC(OwnImageService, Usage, Usage, LogLevel::kDebug)
CRISP_RPC(OwnNodeService, Page, GetPage, LogLevel::kDebug)

#undef CRISP_RPC

grpc::Status OwnImageService::Save(grpc::ServerContext* context, const v1::SaveRequest* request,
                                   grpc::ServerWriter<v1::Chunk>* writer) {
  v1::Chunk none;
  return edge_.AnswerStream({"Save", LogLevel::kInfo, LogLevel::kInfo}, RpcKind::kServerStream, *context, *request,
                            &none, [&](const CallContext& call) {
                              return rpcs_.Save(
                                  *request, [&](const v1::Chunk& chunk) { return writer->Write(chunk); }, call);
                            });
}

grpc::Status OwnImageService::Load(grpc::ServerContext* context, grpc::ServerReader<v1::Chunk>* reader,
                                   v1::LoadResponse* response) {
  return edge_.AnswerStream({"Load", LogLevel::kInfo, LogLevel::kInfo}, RpcKind::kClientStream, *context, v1::Chunk(),
                            response, [&](const CallContext& call) {
                              return rpcs_.Load([&](v1::Chunk* chunk) { return reader->Read(chunk); }, call, response);
                            });
}

}  // namespace crisp
