#include "streaming/strangers.h"

#include <netinet/in.h>
#include <sys/socket.h>

namespace crisp {

void Strangers::Add(uint64_t number, const std::string& peer) {
  peers_[number] = peer;
  by_peer_[peer].insert(number);
}

void Strangers::Remove(uint64_t number) {
  const auto found = peers_.find(number);
  if (found == peers_.end()) return;
  const auto peer = by_peer_.find(found->second);
  peer->second.erase(number);
  if (peer->second.empty()) by_peer_.erase(peer);
  peers_.erase(found);
}

uint64_t Strangers::Victim() const {
  const std::set<uint64_t>* most = nullptr;
  for (const auto& [peer, numbers] : by_peer_) {
    const bool more = most == nullptr || numbers.size() > most->size();
    const bool older = most != nullptr && numbers.size() == most->size() && *numbers.begin() < *most->begin();
    if (more || older) most = &numbers;
  }
  return *most->begin();
}

std::string PeerOfSocket(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) return "";
  if (address.ss_family == AF_INET) {
    const in_addr& v4 = reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
    return std::string(reinterpret_cast<const char*>(&v4), sizeof(v4));
  }
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr;
  const char* const bytes = reinterpret_cast<const char*>(&v6);
  // An IPv4 address, mapped into IPv6, is in the last 4 of the 16 bytes.
  return IN6_IS_ADDR_V4MAPPED(&v6) ? std::string(bytes + 12, 4) : std::string(bytes, 8);
}

}  // namespace crisp
