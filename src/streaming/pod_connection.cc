#include "streaming/pod_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

// The limit of bytes that wait for the programs in the pod. Neither SPDY without window updates nor the channels of a
// WebSocket can hold back a single connection, so beyond this limit the whole client connection is not read.
constexpr size_t kMostQueued = 4 << 20;

// While the limit is reached, a program that reads nothing for this time loses its connection.
constexpr std::chrono::seconds kStuck{30};

constexpr size_t kReadAtOnce = 64 << 10;

}  // namespace

bool PodConnections::MayRead() const {
  size_t queued = 0;
  for (const PodConnection* one : all_) queued += one->queued();
  return queued < kMostQueued;
}

void PodConnections::Remove(PodConnection* connection) {
  std::erase(all_, connection);
  if (watched_ == connection) watched_ = nullptr;
}

void PodConnections::WatchForStuck() {
  if (watching_ || all_.empty()) return;
  watching_ = true;
  watched_ = *std::max_element(all_.begin(), all_.end(),
                               [](const auto* a, const auto* b) { return a->queued() < b->queued(); });
  timer_.Start(kStuck, [this, written = watched_->written()] { OnTime(written); });
}

void PodConnections::OnTime(uint64_t written) {
  watching_ = false;
  if (MayRead()) return;
  if (watched_ != nullptr && watched_->written() == written) watched_->owner_->OnBroken();
  if (!MayRead()) WatchForStuck();
}

PodConnection::PodConnection(const StreamContext& context, PodConnections* all, std::string pod_id, uint16_t port,
                             Owner* owner)
    : context_(context),
      all_(all),
      pod_id_(std::move(pod_id)),
      port_(port),
      owner_(owner),
      to_pod_([this] { owner_->OnDrained(); }),
      timer_(context.loop) {
  all_->Add(this);
}

PodConnection::~PodConnection() {
  all_->Remove(this);
}

void PodConnection::Dial() {
  timer_.Start(context_.dial_patience,
               [this] { OnDialed(absl::DeadlineExceededError("nobody has accepted the connection in time")); });
  context_.calls->Run([target = context_.target, loop = context_.loop, pod = pod_id_, port = port_,
                       weak = std::weak_ptr<char>(alive_), this] {
    if (weak.expired()) return;
    auto begun = std::make_shared<absl::StatusOr<LoopbackDial>>(target->Dial(pod, port));
    loop->Post(weak, [begun, this] {
      if (!begun->ok()) return OnDialed(begun->status());
      dial_.emplace(*std::move(*begun));
      Connect();
    });
  });
}

void PodConnection::Write(absl::string_view bytes) {
  context_.kind->received_bytes.Add(bytes.size());
  to_pod_.Write(bytes);
  if (from_pod_ended_ && to_pod_.broken()) owner_->OnBroken();
}

void PodConnection::EndWrite() {
  to_pod_.End([this] {
    if (socket_ != nullptr) shutdown(socket_->get(), SHUT_WR);
    to_pod_ended_ = true;
    if (from_pod_ended_) owner_->OnOver();
  });
}

void PodConnection::Connect() {
  dial_wait_.reset();
  const absl::StatusOr<bool> connected = dial_->Step();
  if (!connected.ok()) return OnDialed(connected.status());
  if (*connected) return OnDialed(dial_->Take());
  dial_wait_.emplace(context_.loop, dial_->socket());
  dial_wait_->WhenWritable([this] { Connect(); });
}

void PodConnection::OnDialed(absl::StatusOr<Fd> dialed) {
  timer_.Cancel();
  dial_wait_.reset();
  dial_.reset();
  if (!dialed.ok()) {
    return owner_->OnDialFailed(
        Annotate(dialed.status(), absl::StrCat("forward to port ", port_, " of pod ", pod_id_)));
  }
  socket_ = std::make_shared<PumpedFd>(context_.loop, *std::move(dialed));
  PipeReader::Target* const target = this;
  from_pod_.emplace(context_.loop, context_.blocks, socket_, kReadAtOnce, target);
  from_pod_->Start();
  to_pod_.Open(socket_);
}

void PodConnection::OnPiece(absl::string_view bytes, std::function<void()> sent) {
  context_.kind->sent_bytes.Add(bytes.size());
  owner_->OnPodBytes(bytes, std::move(sent));
}

void PodConnection::OnPipeEnd(int failure) {
  from_pod_ended_ = true;
  if (failure != 0 || to_pod_.broken()) return owner_->OnBroken();
  owner_->OnPodEnd();
  if (to_pod_ended_) owner_->OnOver();
}

}  // namespace crisp
