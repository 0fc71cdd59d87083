// PodConnection: one TCP connection to a port of a pod, from the dial to its end, for a port-forward.
// PodConnections: all connections of one port-forward, and the limit on what waits for the programs in the pod.
//
// Threading: the StreamLoop's thread only. The destructor closes the connection; no callback runs after it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "os/loopback.h"
#include "streaming/stream_context.h"
#include "streaming/stream_pump.h"

namespace crisp {

class PodConnection;

class PodConnections {
 public:
  explicit PodConnections(StreamLoop* loop) : timer_(loop) {}
  PodConnections(const PodConnections&) = delete;
  PodConnections& operator=(const PodConnections&) = delete;

  // False while so much waits that the client must not be read. The protocols cannot hold back one connection alone.
  bool MayRead() const;
  // To be called when that has become false. A program that then reads nothing for half a minute loses its connection.
  void WatchForStuck();

 private:
  friend class PodConnection;
  void Add(PodConnection* connection) { all_.push_back(connection); }
  void Remove(PodConnection* connection);
  void OnTime(uint64_t written);

  std::vector<PodConnection*> all_;
  PodConnection* watched_ = nullptr;
  bool watching_ = false;
  StreamTimer timer_;
};

class PodConnection final : private PipeReader::Target {
 public:
  // The owner may destroy the connection later, but not inside a callback.
  class Owner {
   public:
    virtual ~Owner() = default;
    // The end: the connection could not be made.
    virtual void OnDialFailed(const absl::Status& why) = 0;
    // As PipeReader::Target::OnPiece.
    virtual void OnPodBytes(absl::string_view bytes, std::function<void()> sent) = 0;
    // The pod sends no more. It may still read.
    virtual void OnPodEnd() = 0;
    // The end: both directions have ended in order, or the connection broke.
    virtual void OnOver() = 0;
    virtual void OnBroken() = 0;
    // What waited was written or dropped: MayRead may have become true.
    virtual void OnDrained() = 0;
  };

  // `all` and `owner` must outlive it.
  PodConnection(const StreamContext& context, PodConnections* all, std::string pod_id, uint16_t port, Owner* owner);
  ~PodConnection() override;
  PodConnection(const PodConnection&) = delete;
  PodConnection& operator=(const PodConnection&) = delete;

  // Connects. Bytes may be written before.
  void Dial();
  void Write(absl::string_view bytes);
  // Ends the direction to the pod, behind what was written.
  void EndWrite();

  size_t queued() const { return to_pod_.queued(); }
  uint64_t written() const { return to_pod_.written(); }
  uint16_t port() const { return port_; }

 private:
  friend class PodConnections;
  void Connect();
  void OnDialed(absl::StatusOr<Fd> dialed);
  void OnPiece(absl::string_view bytes, std::function<void()> sent) override;
  void OnPipeEnd(int failure) override;

  const StreamContext context_;
  PodConnections* const all_;
  const std::string pod_id_;
  const uint16_t port_;
  Owner* const owner_;
  std::optional<LoopbackDial> dial_;
  std::optional<FdWait> dial_wait_;
  std::shared_ptr<PumpedFd> socket_;
  PipeWriter to_pod_;
  std::optional<PipeReader> from_pod_;
  bool to_pod_ended_ = false;
  bool from_pod_ended_ = false;
  StreamTimer timer_;
  const std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace crisp
