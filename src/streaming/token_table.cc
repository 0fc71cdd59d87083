#include "streaming/token_table.h"

#include <sys/random.h>

#include <cstdlib>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace crisp {
namespace {

std::string NewToken() {
  char bits[16];
  // Requests of up to 256 bytes are never short; they block until the kernel's pool is ready (getrandom(2)).
  if (getrandom(bits, sizeof(bits), 0) != sizeof(bits)) abort();
  return absl::WebSafeBase64Escape(absl::string_view(bits, sizeof(bits)));
}

}  // namespace

void TokenTable::DropOld() {
  const MonoTime now = now_();
  while (!issued_.empty() && issued_.front().expires <= now) {
    by_token_.erase(issued_.front().token);
    issued_.pop_front();
  }
}

absl::StatusOr<std::string> TokenTable::Add(StreamTicket ticket) {
  MutexLock lock(mutex_);
  DropOld();
  if (issued_.size() >= kMostTokens) {
    return absl::ResourceExhaustedError(absl::StrCat(
        issued_.size(), " streams were asked for within a minute and not opened; open them, or ask again later"));
  }
  std::string token = NewToken();
  issued_.push_back({token, now_() + kLifetime, std::move(ticket)});
  by_token_[token] = std::prev(issued_.end());
  return token;
}

std::optional<StreamTicket> TokenTable::Redeem(StreamKind kind, const std::string& token) {
  MutexLock lock(mutex_);
  DropOld();
  const auto found = by_token_.find(token);
  if (found == by_token_.end()) return std::nullopt;
  StreamTicket ticket = std::move(found->second->ticket);
  issued_.erase(found->second);
  by_token_.erase(found);
  if (ticket.kind != kind) return std::nullopt;
  return ticket;
}

}  // namespace crisp
