// The gRPC services of api/crisp/v1/crisp.proto. The calls are answered by OwnRpcs, and those that are answered by
// streams by StreamCalls (stream_calls.h).
//
// Include it in few files: the generated header takes long to compile.
#pragma once

#include "api/crisp/v1/crisp.grpc.pb.h"
#include "server/edge.h"
#include "server/own_rpcs.h"

namespace crisp {

struct CriBackends;

#define CRISP_RPC(name)                                                                                           \
  grpc::Status name(grpc::ServerContext* context, const v1::name##Request* request, v1::name##Response* response) \
      override

class OwnImageService final : public v1::Images::WithAsyncMethod_Pull<v1::Images::Service> {
 public:
  // All must outlive the service.
  explicit OwnImageService(const CriBackends& backends);

  CRISP_RPC(ListPulls);
  CRISP_RPC(Tag);
  CRISP_RPC(Untag);
  CRISP_RPC(Describe);
  CRISP_RPC(Usage);
  // They hold a thread each: gRPC makes more as long as there are calls (cri_server.cc).
  grpc::Status Save(grpc::ServerContext* context, const v1::SaveRequest* request,
                    grpc::ServerWriter<v1::Chunk>* writer) override;
  grpc::Status Load(grpc::ServerContext* context, grpc::ServerReader<v1::Chunk>* reader,
                    v1::LoadResponse* response) override;

  Edge& edge() { return edge_; }

 private:
  Edge edge_;
  OwnRpcs rpcs_;
};

class OwnNodeService final : public v1::Node::Service {
 public:
  explicit OwnNodeService(const CriBackends& backends);

  CRISP_RPC(Page);

 private:
  Edge edge_;
  OwnRpcs rpcs_;
};

#undef CRISP_RPC

}  // namespace crisp
