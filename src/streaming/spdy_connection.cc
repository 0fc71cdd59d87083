#include "streaming/spdy_connection.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "base/status_macros.h"

namespace crisp {
namespace {

constexpr size_t kReadBuffer = 64 << 10;

// A client that does not read the answers to its frames is not read while more than this is queued.
constexpr size_t kMostAnswers = 64 << 10;

// The most bytes passed to the kernel in one call.
constexpr size_t kFramesAtOnce = 32;

}  // namespace

SpdyConnection::SpdyConnection(StreamLoop* loop, ByteStream* bytes, size_t most_streams, Owner* owner)
    : loop_(loop),
      bytes_(bytes),
      most_streams_(most_streams),
      owner_(owner),
      read_buffer_(std::make_unique<char[]>(kReadBuffer)) {}

void SpdyConnection::Start(absl::string_view already_read) {
  Take(already_read);
  Read();
}

void SpdyConnection::Send(uint32_t stream, absl::string_view bytes, std::function<void()> sent) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.ours_ended || finishing_) {
    if (sent) loop_->Post(alive_, std::move(sent));
    return;
  }
  const SpdyDataHeader head = EncodeSpdyDataHeader(stream, 0, static_cast<uint32_t>(bytes.size()));
  Put({std::string(head.data(), head.size()), bytes, std::move(sent)});
}

void SpdyConnection::End(uint32_t stream, const std::string& text) {
  const auto found = streams_.find(stream);
  if (found == streams_.end() || found->second.ours_ended || finishing_) return;
  found->second.ours_ended = true;
  const SpdyDataHeader head = EncodeSpdyDataHeader(stream, kSpdyFin, static_cast<uint32_t>(text.size()));
  Put({absl::StrCat(absl::string_view(head.data(), head.size()), text), {}, nullptr});
  if (found->second.theirs_ended) Forget(stream);
}

void SpdyConnection::Reset(uint32_t stream, SpdyReset why) {
  if (streams_.count(stream) == 0 || finishing_) return;
  PutControl(EncodeRstStream(stream, why));
  Forget(stream);
}

void SpdyConnection::Resume() {
  Read();
}

void SpdyConnection::Finish() {
  if (finishing_ || gone_) return;
  PutControl(EncodeGoAway(last_stream_, SpdyGoodbye::kOk));
  finishing_ = true;
  Read();  // everything received from now on is dropped
}

void SpdyConnection::Read() {
  if (reading_ || taking_ || gone_) return;
  if (!finishing_ && (!owner_->MayRead() || answers_queued_ > kMostAnswers)) {
    if (unread_ == nullptr) {
      unread_ = std::make_unique<UnreadWatch>(
          loop_, bytes_->socket(), [this] { PutProbe(); }, [this] { Gone("the client has gone"); });
    }
    return;
  }
  unread_ = nullptr;
  reading_ = true;
  bytes_->Read(read_buffer_.get(), kReadBuffer, [this](size_t got) {
    reading_ = false;
    if (got == 0) return Gone("the client has gone");
    Take(absl::string_view(read_buffer_.get(), got));
    Read();
  });
}

// A SETTINGS frame without entries needs no answer.
void SpdyConnection::PutProbe() {
  if (!queue_.empty() || !writing_.empty() || finishing_ || gone_) return;  // other writes probe as well
  const std::string none(4, '\0');
  Outgoing settings{EncodeSpdyControl(SpdyType::kSettings, 0, none), {}, nullptr};
  answers_queued_ += settings.head.size();
  queue_.push_back(std::move(settings));
  Write(/*probe=*/true);
}

void SpdyConnection::Take(absl::string_view bytes) {
  if (finishing_ || gone_) return;
  taking_ = true;
  const absl::Status status = frames_.Feed(bytes, this);
  taking_ = false;
  if (status.ok() || gone_) return;
  PutControl(EncodeGoAway(last_stream_, SpdyGoodbye::kProtocolError));
  Gone(absl::StrCat("the client broke the protocol: ", status.message()));
}

absl::Status SpdyConnection::OnSpdyData(uint32_t stream, absl::string_view part, bool last) {
  const auto found = streams_.find(stream);
  // Frames of a stream that was reset may still arrive.
  if (found == streams_.end() || found->second.theirs_ended) return absl::OkStatus();
  if (!part.empty()) owner_->OnStreamData(stream, part);
  if (last) TheirsEnded(stream);
  return absl::OkStatus();
}

absl::Status SpdyConnection::OnSpdyControl(SpdyType type, uint8_t flags, absl::string_view payload) {
  switch (type) {
    case SpdyType::kSynStream:
      return OnSynStream(flags, payload);
    case SpdyType::kSynReply:
    case SpdyType::kHeaders:
      return OnHeaders(flags, payload);
    case SpdyType::kRstStream:
      return OnRstStream(payload);
    case SpdyType::kPing: {
      ASSIGN_OR_RETURN(const uint32_t id, ParsePing(payload));
      // Odd ids are the client's own pings. The server sends none, so even ids answer nothing.
      if (id % 2 == 1) PutControl(EncodePing(id));
      return absl::OkStatus();
    }
    case SpdyType::kGoAway:
      RETURN_IF_ERROR(ParseGoAway(payload));
      client_leaves_ = true;
      if (streams_.empty()) Gone("the client has closed the connection");
      return absl::OkStatus();
    case SpdyType::kSettings:
    case SpdyType::kWindowUpdate:
      break;
  }
  return absl::OkStatus();
}

absl::Status SpdyConnection::OnSynStream(uint8_t flags, absl::string_view payload) {
  ASSIGN_OR_RETURN(const SpdySynStream syn, ParseSynStream(payload));
  ASSIGN_OR_RETURN(const SpdyHeaders headers, inflater_.Read(syn.block));
  if (syn.stream % 2 == 0 || syn.stream <= last_stream_) {
    PutControl(EncodeRstStream(syn.stream, SpdyReset::kProtocolError));
    return absl::OkStatus();
  }
  last_stream_ = syn.stream;
  if (client_leaves_) return absl::OkStatus();
  if (streams_.size() >= most_streams_ || !owner_->OnStream(syn.stream, headers)) {
    PutControl(EncodeRstStream(syn.stream, SpdyReset::kRefusedStream));
    return absl::OkStatus();
  }
  streams_[syn.stream].ours_ended = (flags & kSpdyUnidirectional) != 0;
  PutControl(EncodeSynReply(syn.stream, 0, deflater_.Write({})));
  if ((flags & kSpdyFin) != 0) TheirsEnded(syn.stream);
  return absl::OkStatus();
}

// The content of HEADERS is not used, but the compression of later frames depends on it.
absl::Status SpdyConnection::OnHeaders(uint8_t flags, absl::string_view payload) {
  ASSIGN_OR_RETURN(const SpdySynStream headers, ParseStreamHeaders(payload));
  RETURN_IF_ERROR(inflater_.Read(headers.block));
  const auto found = streams_.find(headers.stream);
  if ((flags & kSpdyFin) != 0 && found != streams_.end() && !found->second.theirs_ended) TheirsEnded(headers.stream);
  return absl::OkStatus();
}

absl::Status SpdyConnection::OnRstStream(absl::string_view payload) {
  ASSIGN_OR_RETURN(const uint32_t stream, ParseRstStream(payload));
  if (streams_.count(stream) == 0) return absl::OkStatus();
  Forget(stream);
  owner_->OnStreamReset(stream);
  return absl::OkStatus();
}

void SpdyConnection::TheirsEnded(uint32_t stream) {
  Stream& ended = streams_[stream];
  ended.theirs_ended = true;
  const bool both = ended.ours_ended;
  owner_->OnStreamEnd(stream);
  if (both) Forget(stream);
}

void SpdyConnection::Forget(uint32_t stream) {
  streams_.erase(stream);
  if (!client_leaves_ || !streams_.empty() || finishing_) return;
  loop_->Post(alive_, [this] { Gone("the client has closed the connection"); });
}

void SpdyConnection::Put(Outgoing outgoing) {
  if (finishing_ || gone_) return;
  if (outgoing.sent == nullptr) answers_queued_ += outgoing.head.size();
  queue_.push_back(std::move(outgoing));
  Write();
}

void SpdyConnection::Write(bool probe) {
  if (!writing_.empty() || gone_ || lingering_close_ != nullptr) return;
  if (queue_.empty()) {
    if (!finishing_) return;
    bytes_->ShutdownWrite();
    lingering_close_ = std::make_unique<LingeringClose>(loop_, bytes_, [this] { Gone("the stream is done"); });
    return;
  }
  const size_t count = std::min(queue_.size(), kFramesAtOnce);
  const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
  writing_.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
  queue_.erase(queue_.begin(), end);
  std::vector<absl::string_view> parts;
  for (const Outgoing& outgoing : writing_) {
    parts.emplace_back(outgoing.head);
    if (!outgoing.body.empty()) parts.push_back(outgoing.body);
  }
  const auto done = [this](bool well) { OnWritten(well); };
  probe ? bytes_->WriteProbe(std::move(parts), done) : bytes_->Write(std::move(parts), done);
}

void SpdyConnection::OnWritten(bool well) {
  const std::vector<Outgoing> written = std::exchange(writing_, {});
  if (!well) return Gone("the client has gone");
  for (const Outgoing& outgoing : written) {
    if (outgoing.sent == nullptr) {
      answers_queued_ -= outgoing.head.size();
    } else {
      outgoing.sent();
    }
  }
  Write();
  Read();
}

void SpdyConnection::Gone(absl::string_view why) {
  if (std::exchange(gone_, true)) return;
  owner_->OnGone(why);
}

}  // namespace crisp
