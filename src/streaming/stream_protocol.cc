#include "streaming/stream_protocol.h"

#include <algorithm>

namespace crisp {
namespace {

using Protocols = std::vector<StreamProtocol>;

const Protocols& SpdyCommand() {
  static const Protocols& known = *new Protocols{
      {"v4.channel.k8s.io", 4}, {"v3.channel.k8s.io", 3}, {"v2.channel.k8s.io", 2}, {"channel.k8s.io", 1}};
  return known;
}

const Protocols& SpdyForward() {
  static const Protocols& known = *new Protocols{{"portforward.k8s.io"}};
  return known;
}

const Protocols& WebSocketCommand() {
  static const Protocols& known = *new Protocols{{"v5.channel.k8s.io", 5, ChannelCoding::kBinaryWithClose},
                                                 {"v4.channel.k8s.io", 4},
                                                 {"v4.base64.channel.k8s.io", 4, ChannelCoding::kBase64},
                                                 {"v3.channel.k8s.io", 3},
                                                 {"v2.channel.k8s.io", 2},
                                                 {"channel.k8s.io", 1},
                                                 {"base64.channel.k8s.io", 1, ChannelCoding::kBase64},
                                                 {""}};
  return known;
}

const Protocols& WebSocketForward() {
  static const Protocols& known =
      *new Protocols{{"SPDY/3.1+portforward.k8s.io", 1, ChannelCoding::kBinary, /*tunnels_spdy=*/true},
                     {"v4.channel.k8s.io", 4},
                     {"v4.base64.channel.k8s.io", 4, ChannelCoding::kBase64},
                     {""}};
  return known;
}

}  // namespace

const Protocols& KnownProtocols(StreamKind kind, UpgradeKind upgrade) {
  const bool forward = kind == StreamKind::kPortForward;
  if (upgrade == UpgradeKind::kWebSocket) return forward ? WebSocketForward() : WebSocketCommand();
  return forward ? SpdyForward() : SpdyCommand();
}

const StreamProtocol* ChooseProtocol(const Protocols& known, const std::vector<std::string>& offered) {
  const auto find = [&known](const std::string& name) -> const StreamProtocol* {
    const auto found = std::find_if(known.begin(), known.end(), [&](const auto& one) { return one.name == name; });
    return found == known.end() ? nullptr : &*found;
  };
  if (offered.empty()) return find("");
  for (const std::string& name : offered) {
    if (const StreamProtocol* protocol = find(name)) return protocol;
  }
  return nullptr;
}

}  // namespace crisp
