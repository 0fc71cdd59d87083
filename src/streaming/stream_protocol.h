// The sub-protocols of exec, attach and port-forward. The names are those of Kubernetes (wsstream, remotecommand and
// portforward in its streaming packages; v5 is that of its StreamProtocolV5Name). Pure.
#pragma once

#include <string>
#include <vector>

#include "streaming/channel_codec.h"
#include "streaming/token_table.h"
#include "streaming/upgrade_request.h"

namespace crisp {

struct StreamProtocol {
  std::string name;  // empty: that of a client that names none
  int version = 1;   // of the result's format and of what channels there are
  // Over a WebSocket:
  ChannelCoding coding = ChannelCoding::kBinary;
  bool tunnels_spdy = false;
};

// What the server knows, in its own order of preference.
const std::vector<StreamProtocol>& KnownProtocols(StreamKind kind, UpgradeKind upgrade);

// The first of the client's protocols that the server knows, since the client lists what it prefers first (RFC 6455,
// section 1.9). A client of a WebSocket may name none, which is a protocol too. Null if there is no common one.
const StreamProtocol* ChooseProtocol(const std::vector<StreamProtocol>& known, const std::vector<std::string>& offered);

}  // namespace crisp
