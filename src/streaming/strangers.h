// Strangers: the connections that have not shown a token yet. When there are too many, one of them has to go: the
// oldest one of the peer that has the most. So a peer that opens many pushes out its own, and a client that presents
// its token at once is served however many others wait.
//
// A peer is an IPv4 address, or the first 64 bits of an IPv6 address, of which one machine has all.
// Pure; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace crisp {

class Strangers {
 public:
  // Numbers grow with time.
  void Add(uint64_t number, const std::string& peer);
  // Does nothing if it is none.
  void Remove(uint64_t number);
  size_t size() const { return peers_.size(); }
  // The one that has to go; there must be one.
  uint64_t Victim() const;

 private:
  std::map<uint64_t, std::string> peers_;
  std::map<std::string, std::set<uint64_t>> by_peer_;
};

// The peer of a connected TCP socket; empty if it cannot be told.
std::string PeerOfSocket(int socket);

}  // namespace crisp
