#include "shim/tee.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace crisp::shim {

Tee::~Tee() {
  for (Client& client : clients_) {
    loop_.Unwatch(client.end.get());
    loop_.Cancel(&client.patience);
  }
}

Tee::Client* Tee::Find(uint64_t id) {
  for (Client& client : clients_) {
    if (client.id == id) return &client;
  }
  return nullptr;
}

void Tee::Add(uint64_t client, Fd end, Parted parted) {
  if (ended_) return parted(Parting::kServed);
  const int fd = end.get();
  clients_.push_back({client, std::move(end), std::move(parted)});
  // With no events epoll still reports that the last reader has gone.
  loop_.Watch(fd, 0, [this, client](uint32_t) { OnReady(client); });
}

void Tee::Remove(uint64_t client) {
  Client* const found = Find(client);
  if (found == nullptr) return;
  loop_.Unwatch(found->end.get());
  loop_.Cancel(&found->patience);
  clients_.erase(clients_.begin() + (found - clients_.data()));
  ForgetTaken();
}

ssize_t Tee::Offer(const Client& client, std::string_view data) {
  const ssize_t n = write(client.end.get(), data.data(), data.size());
  if (n >= 0) return n;
  return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

void Tee::Write(std::string_view data) {
  std::vector<uint64_t> gone;
  bool held = false;
  for (Client& client : clients_) {
    const ssize_t taken = client.left == 0 ? Offer(client, data) : 0;
    if (taken < 0) {
      gone.push_back(client.id);
      continue;
    }
    client.left += data.size() - static_cast<size_t>(taken);
    if (client.left > 0) Wait(client);
    held = held || client.left > 0;
  }
  if (held) held_.append(data);
  ForgetTaken();
  for (const uint64_t id : gone) Part(id, Parting::kGone);
  if (held_.size() > kMaxHeld) PartBehind();
}

void Tee::End() {
  ended_ = true;
  std::vector<uint64_t> served;
  for (const Client& client : clients_) {
    if (client.left == 0) served.push_back(client.id);
  }
  for (const uint64_t id : served) Part(id, Parting::kServed);
}

void Tee::OnReady(uint64_t id) {
  Client* const client = Find(id);
  // With nothing left to write, this is the end of the last reader.
  if (client->left == 0) return Part(id, Parting::kGone);
  const ssize_t taken = Offer(*client, std::string_view(held_).substr(held_.size() - client->left));
  if (taken < 0) return Part(id, Parting::kGone);
  if (taken == 0) return;
  client->left -= static_cast<size_t>(taken);
  loop_.Cancel(&client->patience);
  if (client->left > 0) {
    Wait(*client);
  } else if (ended_) {
    return Part(id, Parting::kServed);
  } else {
    loop_.Change(client->end.get(), 0);
  }
  ForgetTaken();
}

void Tee::Wait(Client& client) {
  if (client.patience != 0) return;
  loop_.Change(client.end.get(), EPOLLOUT);
  client.patience = Patience(client.id, MonoNanos() + kPatienceNanos);
}

Loop::Timer Tee::Patience(uint64_t id, int64_t due) {
  return loop_.At(due, [this, id] { Part(id, Parting::kTooSlow); });
}

TeeState Tee::Save() const {
  TeeState state{held_, ended_, {}};
  for (const Client& one : clients_) {
    state.clients.push_back({one.id, one.end.get(), one.left, loop_.DueAt(one.patience)});
  }
  return state;
}

void Tee::Restore(const TeeState& state) {
  held_ = state.held;
  ended_ = state.ended != 0;
  for (const TeeClientState& one : state.clients) {
    const Loop::Timer patience = one.patience_due != 0 ? Patience(one.id, one.patience_due) : 0;
    clients_.push_back({one.id, Fd(one.end), nullptr, one.left, patience});
    loop_.Watch(one.end, one.left > 0 ? uint32_t{EPOLLOUT} : 0, [this, id = one.id](uint32_t) { OnReady(id); });
  }
}

void Tee::SetParted(uint64_t client, Parted parted) {
  if (Client* const found = Find(client); found != nullptr) found->parted = std::move(parted);
}

void Tee::Part(uint64_t id, Parting how) {
  Client* const client = Find(id);
  if (client == nullptr) return;
  const Parted parted = std::move(client->parted);
  Remove(id);
  parted(how);
}

void Tee::PartBehind() {
  std::vector<uint64_t> behind;
  for (const Client& client : clients_) {
    if (client.left > 0) behind.push_back(client.id);
  }
  for (const uint64_t id : behind) Part(id, Parting::kTooSlow);
}

void Tee::ForgetTaken() {
  size_t left = 0;
  for (const Client& client : clients_) left = std::max(left, client.left);
  if (left == held_.size()) return;
  held_.erase(0, held_.size() - left);
  if (!held_.empty()) return;
  std::string().swap(held_);
  if (caught_up_) caught_up_();
}

}  // namespace crisp::shim
