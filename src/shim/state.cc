#include "shim/state.h"

#include <algorithm>

#include "shim/state_codec.h"

namespace crisp::shim {
namespace {

constexpr std::string_view kMagic = "crisp-shim state";

// Each descriptor has one owner, and none is one of the shim's stdio.
bool AreOwn(std::vector<int> descriptors) {
  std::sort(descriptors.begin(), descriptors.end());
  const bool twice = std::adjacent_find(descriptors.begin(), descriptors.end()) != descriptors.end();
  return !twice && (descriptors.empty() || descriptors.front() > 2);
}

bool IsWhole(const TeeState& tee) {
  return std::all_of(tee.clients.begin(), tee.clients.end(),
                     [&](const TeeClientState& client) { return client.end >= 0 && client.left <= tee.held.size(); });
}

bool IsWhole(const LogPumpState& pump) {
  uint64_t pending = 0;
  for (const LineState& line : pump.writer.pending_lines) pending += line.length;
  const bool refused = pump.dropping != 0 || pump.retry_due != 0 || pump.wait_due != 0;
  return pending == pump.writer.pending.size() && (pump.logged != 0 || !refused);
}

bool IsWhole(const InputState& input) {
  return std::all_of(input.sources.begin(), input.sources.end(),
                     [&](const SourceState& source) { return input.sink >= 0 && source.pipe >= 0; });
}

bool IsAttached(const ShimState& state, const std::string& container, uint64_t client) {
  return std::any_of(state.attachments.begin(), state.attachments.end(), [&](const AttachmentState& one) {
    return one.session.number == client && one.session.container_id == container;
  });
}

// Each client of a stream is somebody's, who is told of its end.
bool AreAttached(const ShimState& state, const ContainerState& container) {
  const auto is_attached = [&](uint64_t client) { return IsAttached(state, container.request.container_id, client); };
  for (const TeeState& tee : container.io.tees) {
    for (const TeeClientState& client : tee.clients) {
      if (!is_attached(client.id)) return false;
    }
  }
  return std::all_of(container.io.input.sources.begin(), container.io.input.sources.end(),
                     [&](const SourceState& source) { return is_attached(source.client); });
}

bool HasChild(const ShimState& state, int64_t pid) {
  return std::any_of(state.children.begin(), state.children.end(),
                     [&](const ChildState& child) { return child.pid == pid && child.pidfd >= 0; });
}

const ContainerState* Find(const ShimState& state, const std::string& id) {
  for (const ContainerState& container : state.containers) {
    if (container.request.container_id == id) return &container;
  }
  return nullptr;
}

bool IsWhole(const ShimState& state, const ContainerState& container) {
  return (container.exited != 0 || HasChild(state, container.pid)) &&
         Find(state, container.request.container_id) == &container && IsWhole(container.io.tees[0]) &&
         IsWhole(container.io.tees[1]) && IsWhole(container.io.pump) && IsWhole(container.io.input) &&
         AreAttached(state, container);
}

bool IsWhole(const ShimState& state, const SessionState& session) {
  return session.connection < state.connections.size() && Find(state, session.container_id) != nullptr;
}

bool IsWhole(const ShimState& state, const ProcessState& process) {
  return (process.pid == -1 || HasChild(state, process.pid)) && process.cgroup.size() <= 1;
}

template <typename Exec>
bool AreWhole(const ShimState& state, const std::vector<Exec>& execs) {
  return std::all_of(execs.begin(), execs.end(),
                     [&](const Exec& one) { return IsWhole(state, one.session) && IsWhole(state, one.process); });
}

bool IsWhole(const ShimState& state) {
  return state.listener >= 0 && state.asked_by < state.connections.size() &&
         std::all_of(state.connections.begin(), state.connections.end(),
                     [](const ConnectionState& one) { return one.socket >= 0; }) &&
         std::all_of(state.children.begin(), state.children.end(),
                     [](const ChildState& one) { return one.pid > 0 && one.pidfd >= 0; }) &&
         std::all_of(state.containers.begin(), state.containers.end(),
                     [&](const ContainerState& one) { return IsWhole(state, one); }) &&
         AreWhole(state, state.collected) && AreWhole(state, state.streamed) &&
         std::all_of(state.attachments.begin(), state.attachments.end(),
                     [&](const AttachmentState& one) { return IsWhole(state, one.session); });
}

}  // namespace

std::string EncodeState(ShimState& state, std::vector<int>* descriptors) {
  StateEncoder encoder(descriptors);
  encoder.Text(kMagic, kMagic.size());
  encoder.U32(kStateVersion);
  encoder.Record(state);
  return encoder.ok() ? encoder.bytes() : std::string();
}

std::string DecodeState(std::string_view bytes, ShimState* state, std::vector<int>* descriptors) {
  StateDecoder decoder(bytes, descriptors);
  std::string_view magic;
  uint32_t version = 0;
  decoder.View(magic, kMagic.size());
  if (!decoder.ok() || magic != kMagic) return "it is not the state of a shim";
  decoder.U32(version);
  if (version < kOldestState || version > kStateVersion) return "its version is " + std::to_string(version);
  decoder.Record(*state);
  if (!decoder.ok()) return "it is cut off";
  if (!AreOwn(*descriptors) || !IsWhole(*state)) return "it contradicts itself";
  return {};
}

}  // namespace crisp::shim
